"""What is legal in a job and probably not wanted: warnings, each with what to do instead."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from kdcore.spec.base import pointer
from kdcore.spec.catalogue import Description
from kdcore.spec.dataset_plan import DatasetPlan
from kdcore.spec.job import JobSpec
from kdcore.spec.licences import LicencePlan, licence_gaps
from kdcore.spec.named import Kind, PresetRef
from kdcore.spec.objective import MethodSpec
from kdcore.spec.plan import STUDENT, TEACHER, PlanWarning, RunPlan
from kdcore.spec.rooms import piece_options
from kdcore.spec.rooms.balances import BalanceOptions
from kdcore.spec.rooms.distributions import expected_per_class

FEWEST_PER_CLASS = 4
"""Samples of a class below which a distribution within that class is guesswork."""


def warnings_of(
    spec: JobSpec,
    method: MethodSpec,
    dataset: DatasetPlan,
    networks: Mapping[str, Description],
    runs: tuple[RunPlan, ...],
    licences: tuple[LicencePlan, ...],
) -> list[PlanWarning]:
    """Every warning on a job that is otherwise fine."""
    found = [*_sizes(networks), *_teacher(spec, runs), *_balances(spec, runs), *_classes(spec, dataset, runs)]
    found += [("licence_unknown", at, message) for at, message in licence_gaps(licences)]
    return [PlanWarning(code=code, pointer=at, message=message) for code, at, message in found]


Finding = tuple[str, str, str]


def _sizes(networks: Mapping[str, Description]) -> Iterator[Finding]:
    student, teacher = networks[STUDENT], networks.get(TEACHER)
    if teacher is not None and not teacher.black_box and student.parameters >= teacher.parameters:
        message = (
            f"the student has {student.parameters:,} parameters, the teacher {teacher.parameters:,}: "
            "nothing is compressed; choose a smaller student"
        )
        yield "student_not_smaller", "/student", message


def _teacher(spec: JobSpec, runs: tuple[RunPlan, ...]) -> Iterator[Finding]:
    if spec.teacher is not None and not any(TEACHER in run.needs for run in runs):
        name = spec.method.preset if isinstance(spec.method, PresetRef) else "custom"
        yield "teacher_unused", "/teacher", f"method {name!r} never listens to the teacher"


def _balances(spec: JobSpec, runs: tuple[RunPlan, ...]) -> Iterator[Finding]:
    """A balance between one group and nothing."""
    for number, stage in enumerate(runs[-1].stages):
        for learner, kind in stage.balance.items():
            groups = {term.group for term in stage.terms if term.to == learner}
            options = piece_options("balance", kind.kind, kind.options)
            if isinstance(options, BalanceOptions) and options.weighs and len(groups) == 1:
                at = "/method" if isinstance(spec.method, PresetRef) else pointer("method", "stages", number, "balance")
                message = (
                    f"stage {stage.name!r}: all terms that teach {learner!r} are of group {groups.pop()!r}, so balance "
                    f"{kind.kind!r} has nothing to weigh and passes through; give the terms groups"
                )
                yield "one_group", at, message


def _classes(spec: JobSpec, dataset: DatasetPlan, runs: tuple[RunPlan, ...]) -> Iterator[Finding]:
    """Distances within classes on batches that hold few of each."""
    sampler, training = spec.training.sampler, spec.training
    drawn = expected_per_class(training.batch_size, dataset.num_classes)
    per_class = drawn if sampler is None or sampler.per_class is None else sampler.per_class
    terms = [term for stage in runs[-1].stages for term in stage.terms]
    names = [term.name for term in terms if within_classes(term.distance)]
    if names and per_class < FEWEST_PER_CLASS:
        message = (
            f"{', '.join(names)} looks within classes, and a batch holds about {per_class:.1f} of each "
            f"of the {dataset.num_classes}: take a larger batch_size, or training.sampler: "
            "{classes: P, per_class: K} with K of at least 4"
        )
        yield "few_per_class", "/training/batch_size", message


def within_classes(distance: Kind) -> bool:
    """Whether a distance compares class by class."""
    return bool(distance.options.get("conditional")) or distance.options.get("given") == "class"
