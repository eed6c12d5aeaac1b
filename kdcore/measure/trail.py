"""The transformation trail: what a prompted path changed about its teacher, and whether that serves the student."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypedDict

import torch
import torch.nn.functional as F
from torch import Tensor

from kdcore.measure.quality import accuracy, divergence

ALLOWED_DROP = 0.01
MOST_SHOWN = 100

Light = Literal["green", "amber", "red"]


class ClassShift(TypedDict):
    """One class: mean KL(p_T || p_φ) in nats over its examples, None when it has none."""

    index: int
    name: str
    examples: int
    divergence: float | None


class Flip(TypedDict):
    """An example on which the prompted path decides otherwise than its teacher."""

    index: int
    label: int
    teacher: int
    prompted: int


class Flips(TypedDict):
    """How many decisions changed, for better and for worse, and the first of them."""

    count: int
    gained: int
    lost: int
    shown: list[Flip]


class Trail(TypedDict):
    """What the trail holds; ready for JSON.

    Keys:
        examples: of the split.
        accuracy: of ``teacher`` and ``prompted``.
        divergence: in nats: ``prompted_from_teacher`` KL(p_T || p_φ), and with a student ``student_from_teacher``
            KL(p_T || p_S) and ``student_from_prompted`` KL(p_φ || p_S), else None.
        classes: KL(p_T || p_φ) class by class.
        flipped: decisions that changed.
        as_accurate: the prompted path is right at most the allowed drop less often than its teacher.
        nearer: KL(p_φ || p_S) < KL(p_T || p_S); None without a student.
        light: green when both hold, red when the path is not as accurate, amber otherwise.
        reason: one sentence on the light.
    """

    examples: int
    accuracy: dict[str, float]
    divergence: dict[str, float | None]
    classes: list[ClassShift]
    flipped: Flips
    as_accurate: bool
    nearer: bool | None
    light: Light
    reason: str


def trail(
    labels: Tensor,
    teacher: Tensor,
    prompted: Tensor,
    student: Tensor | None = None,
    *,
    class_names: Sequence[str] | None = None,
    allowed_drop: float = ALLOWED_DROP,
    most_shown: int = MOST_SHOWN,
) -> Trail:
    """The trail from labels [N] and the logits [N, K] of all networks on one split.

    A prompted path that follows the student too closely loses what the teacher
    knows, so accuracy is watched beside the distance to the student (ours, for DFPT-KD, arXiv 2506.18244).

    Args:
        allowed_drop: accuracy, as a share, that the prompted path may lose and still count as accurate.
        most_shown: flipped decisions that are listed; all are counted.

    Raises:
        ValueError: no examples, shapes that differ, or logits that are not finite.
    """
    _check(labels, teacher=teacher, prompted=prompted, student=student)
    right = {"teacher": accuracy(teacher, labels), "prompted": accuracy(prompted, labels)}
    from_teacher = None if student is None else divergence(teacher, student)
    from_prompted = None if student is None else divergence(prompted, student)
    # The tolerance is a share of counted examples: a hair of rounding must not decide.
    as_accurate = right["teacher"] - right["prompted"] <= allowed_drop + 1e-9
    nearer = None if from_prompted is None or from_teacher is None else from_prompted < from_teacher
    light, reason = _judged(right, from_teacher, from_prompted, as_accurate, allowed_drop)
    return Trail(
        examples=len(labels),
        accuracy=right,
        divergence={
            "prompted_from_teacher": divergence(teacher, prompted),
            "student_from_teacher": from_teacher,
            "student_from_prompted": from_prompted,
        },
        classes=_classes(labels, teacher, prompted, class_names),
        flipped=_flips(labels, teacher.argmax(1), prompted.argmax(1), most_shown),
        as_accurate=as_accurate,
        nearer=nearer,
        light=light,
        reason=reason,
    )


def _check(labels: Tensor, **logits: Tensor | None) -> None:
    if not len(labels):
        raise ValueError("no examples: a trail needs at least one")
    given = {name: tensor for name, tensor in logits.items() if tensor is not None}
    classes = {tensor.shape[1:] for tensor in given.values()}
    for name, tensor in given.items():
        if tensor.dim() != 2 or len(tensor) != len(labels) or len(classes) > 1:
            shapes = ", ".join(f"{other} {tuple(value.shape)}" for other, value in given.items())
            raise ValueError(f"logits must all be [{len(labels)}, classes] (got {shapes})")
        if not tensor.isfinite().all():
            raise ValueError(f"the logits of {name} hold NaN or infinity")


def _classes(labels: Tensor, teacher: Tensor, prompted: Tensor, names: Sequence[str] | None) -> list[ClassShift]:
    count = teacher.shape[1]
    called = [str(index) for index in range(count)] if names is None else list(names)
    if len(called) != count:
        raise ValueError(f"{len(called)} class names for {count} classes; give one for each")
    p, q = F.log_softmax(teacher.double(), dim=1), F.log_softmax(prompted.double(), dim=1)
    rows = F.kl_div(q, p, reduction="none", log_target=True).sum(1)
    sums = torch.zeros(count, dtype=torch.float64, device=rows.device).index_add_(0, labels, rows).tolist()
    examples = torch.bincount(labels, minlength=count).tolist()
    return [
        ClassShift(index=i, name=called[i], examples=n, divergence=sums[i] / n if n else None)
        for i, n in enumerate(examples)
    ]


def _flips(labels: Tensor, teacher: Tensor, prompted: Tensor, most_shown: int) -> Flips:
    flipped = (teacher != prompted).nonzero().flatten()
    rows = torch.stack([flipped, labels[flipped], teacher[flipped], prompted[flipped]], dim=1)[:most_shown].tolist()
    return Flips(
        count=len(flipped),
        gained=int((prompted[flipped] == labels[flipped]).sum()),
        lost=int((teacher[flipped] == labels[flipped]).sum()),
        shown=[Flip(index=index, label=label, teacher=t, prompted=p) for index, label, t, p in rows],
    )


def _judged(
    right: dict[str, float], from_teacher: float | None, from_prompted: float | None, as_accurate: bool, allowed: float
) -> tuple[Light, str]:
    drop = (right["teacher"] - right["prompted"]) * 100
    change = f"{abs(drop):.1f} points {'less' if drop > 0 else 'more'} accurate than its teacher"
    if not as_accurate:
        return (
            "red",
            f"The prompted path is {change}, {allowed * 100:.1f} are allowed: it gave up what the teacher knows.",
        )
    if from_teacher is None or from_prompted is None:
        return "amber", f"The prompted path is {change}; no student was measured that it could be nearer to."
    figures = f"{from_prompted:.3g} nats, the teacher {from_teacher:.3g}"
    if from_prompted < from_teacher:
        return "green", f"The prompted path is {change} and nearer to the student: it is away {figures}."
    return "amber", f"The prompted path is {change} but no nearer to the student: it is away {figures}."
