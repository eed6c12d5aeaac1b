"""How alike the features of student and teacher are, as the student began and as it ended."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from kdcore.measure.alike import Plane, cka, procrustes
from kdcore.measure.documents import Alignment, Cloud, Projection
from kdcore.prepare import Workshop
from kdcore.proof.features import before_last, of_blocks
from kdcore.proof.unmeasured import Unmeasured, affordable
from kdcore.seeds import generator
from kdcore.spec.plan import STUDENT, TEACHER

MOST_EXAMPLES = 300


def alignment(workshop: Workshop, workdir: Path, networks: Mapping[str, nn.Module]) -> Alignment:
    """Linear CKA between the blocks of both, and of tasks that answer classes their last features in one plane.

    Test examples, drawn; the student as it began is built again from the plan, with the layers that it copied.

    Raises:
        Unmeasured: no teacher that can be looked into, no blocks, or a path that is delivered.
    """
    plan = workshop.plan
    _check(workshop, networks)
    index = _chosen(workshop)
    given = workshop.normalise(workshop.data.test.rows(index))
    began = workshop.networks(plan.runs[-1], workdir)[STUDENT]
    sides = {"before": began, "after": networks[STUDENT]}
    own, followed = plan.networks[STUDENT], plan.networks[TEACHER]
    of_teacher = of_blocks(networks[TEACHER], followed.blocks, given)
    found = {name: cka(of_blocks(student, own.blocks, given), of_teacher) for name, student in sides.items()}
    result = Alignment(
        students=list(own.blocks),
        teachers=list(followed.blocks),
        cka={"before": found["before"], "after": found["after"]},
        examples=len(index),
    )
    if workshop.task.info.answers_classes:
        teacher = before_last(networks[TEACHER], followed.classifier, given)
        last = {name: before_last(student, own.classifier, given) for name, student in sides.items()}
        result["projection"] = projected(last, teacher, workshop.data.test.targets[index].tolist())
    return result


def _check(workshop: Workshop, networks: Mapping[str, nn.Module]) -> None:
    plan = workshop.plan
    if TEACHER not in networks:
        raise Unmeasured("no teacher was measured")
    if plan.networks[TEACHER].kind != "built":
        raise Unmeasured("the teacher is a black box: it has no features to look at")
    if plan.delivers != STUDENT:
        raise Unmeasured("what is delivered is a path, which is not built from the student's blocks alone")
    if not plan.networks[STUDENT].blocks or not plan.networks[TEACHER].blocks:
        raise Unmeasured("student or teacher has no blocks in the catalogue")


def _chosen(workshop: Workshop) -> Tensor:
    """Indices of the test examples that are looked at."""
    plan, count = workshop.plan, len(workshop.data.test)
    macs = plan.networks[TEACHER].macs + 2 * plan.networks[STUDENT].macs
    most = affordable(macs, MOST_EXAMPLES, device=workshop.machine.device)
    order = torch.randperm(count, generator=generator(plan.spec.training.seed, "alignment"))
    return order[:most].sort().values


def projected(students: Mapping[str, Tensor], teacher: Tensor, labels: list[int]) -> Projection:
    """Features [N, D] of the student ``before`` and ``after``, led to the teacher's and shown in its plane."""
    plane = Plane.of(teacher)
    led = {name: procrustes(features, teacher) for name, features in students.items()}
    clouds = {
        name: Cloud(student=_points(plane, features), teacher=_points(plane, teacher))
        for name, (features, _) in led.items()
    }
    return Projection(
        before=clouds["before"],
        after=clouds["after"],
        labels=labels,
        explained=plane.explained,
        residual={"before": led["before"][1], "after": led["after"][1]},
    )


def _points(plane: Plane, features: Tensor) -> list[list[float]]:
    """To four digits: they are looked at."""
    return [[float(f"{value:.4g}") for value in point] for point in plane.points(features).tolist()]
