"""Which blocks of a student can begin as copies of its teacher's: those that look alike from outside."""

from __future__ import annotations

import random

from kdcore.spec.catalogue import Description, LayerInfo
from kdcore.spec.job import CopyOf
from kdcore.spec.matching import copy_map, forward_map


def copied_blocks(asked: CopyOf, student: Description, teacher: Description) -> tuple[tuple[str, str], ...]:
    """Pairs (student block, teacher block) of equal input and output shapes; every transformer block is such a pair.

    Within each kind of block the student's are mapped onto the teacher's by the strategy.

    Raises:
        ValueError: no block of the student looks like one of the teacher.
    """
    teachers = _by_shape(teacher)
    pairs = []
    for shape, blocks in _by_shape(student).items():
        others = teachers.get(shape, [])
        if others:
            pairs += [
                (block, others[to]) for block, to in zip(blocks, _map(asked, len(blocks), len(others)), strict=True)
            ]
    if not pairs:
        raise ValueError(
            f"no block of {student.architecture} has the shape of one of {teacher.architecture}: "
            "copying needs networks of one family and width"
        )
    return tuple(pairs)


def _map(asked: CopyOf, students: int, teachers: int) -> list[int]:
    if asked.layers == "spread":
        return copy_map(students, teachers)
    mapped = forward_map(students, teachers)
    if asked.layers == "reverse":
        return mapped[::-1]
    if asked.layers == "random":
        random.Random(asked.seed).shuffle(mapped)  # noqa: S311 - a layer map is no secret
    return mapped


def _by_shape(network: Description) -> dict[tuple[object, ...], list[str]]:
    layers: dict[str, LayerInfo] = {layer.path: layer for layer in network.layers}
    found: dict[tuple[object, ...], list[str]] = {}
    for path in network.features:
        layer = layers[path]
        found.setdefault((layer.kind, layer.input_shape, layer.shape), []).append(path)
    return found
