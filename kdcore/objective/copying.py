"""A student that starts as a part of its teacher: whole blocks copied bit by bit, and all that has one name and shape.

Source: Yu, Wen, Mou 2025 (arXiv 2502.04499), whose students start as copied or reversed layers of their teachers; which
block is copied where is decided without torch, in `kdcore.spec.copies`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

import torch
from torch import Tensor, nn

State = Mapping[str, Tensor]


@dataclass(frozen=True)
class Copied:
    """What a copy did, by names of the student's state dict.

    Attributes:
        copied: entries that are the teacher's now, in the student's order.
        skipped: entries that stayed as they were.
    """

    copied: tuple[str, ...]
    skipped: tuple[str, ...]


def copy_layers(
    student: nn.Module,
    teacher: nn.Module,
    student_blocks: Sequence[str],
    teacher_blocks: Sequence[str],
    mapping: Iterable[int],
) -> Copied:
    """Make student block i the teacher's block ``mapping[i]``, and outside of all blocks what has one name and shape.

    Parameters and buffers are copied bit by bit; nothing is changed unless every block fits.

    Args:
        student, teacher: the networks; the teacher is only read.
        student_blocks, teacher_blocks: module paths.
        mapping: for each student block the place of its teacher's in ``teacher_blocks``.

    Raises:
        ValueError: blocks of other entries or shapes, named with both shapes, or a mapping of another length.
    """
    places = list(mapping)
    if len(places) != len(student_blocks) or not all(0 <= place < len(teacher_blocks) for place in places):
        raise ValueError(
            f"a mapping of {len(student_blocks)} student blocks to {len(teacher_blocks)} teacher blocks "
            f"has a place in 0..{len(teacher_blocks) - 1} for each (got {places})"
        )
    own, other = student.state_dict(), teacher.state_dict()
    wanted: dict[str, Tensor] = {}
    for block, place in zip(student_blocks, places, strict=True):
        wanted |= _block(block, teacher_blocks[place], own, other)
    inside = tuple(f"{path}." for path in chain(student_blocks, teacher_blocks))
    wanted |= {name: other[name] for name in own if not name.startswith(inside) and _same(name, own, other)}
    with torch.no_grad():
        for name, tensor in wanted.items():
            own[name].copy_(tensor)
    return Copied(
        copied=tuple(name for name in own if name in wanted),
        skipped=tuple(name for name in own if name not in wanted),
    )


def _block(to: str, source: str, own: State, other: State) -> dict[str, Tensor]:
    """The teacher's entries of one block under the student's names."""
    found = {f"{to}.{name.removeprefix(f'{source}.')}": t for name, t in other.items() if name.startswith(f"{source}.")}
    here = {name: t for name, t in own.items() if name.startswith(f"{to}.")}
    wrong = [name for name in {**here, **found} if not _same(name, here, found)]
    if wrong:
        name = wrong[0]
        shapes = (_shape(name, here), _shape(name, found))
        raise ValueError(
            f"{to} cannot be a copy of {source}: {name} is {shapes[0]} in the student and {shapes[1]} in the teacher; "
            "copy between networks of one family and width"
        )
    return found


def _same(name: str, own: State, other: State) -> bool:
    return name in own and name in other and own[name].shape == other[name].shape


def _shape(name: str, state: State) -> str:
    return str(list(state[name].shape)) if name in state else "missing"
