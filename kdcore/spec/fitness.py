"""Whether the settings of a job suit its dataset: sizes, changes of examples, samplers, all known without a file."""

from __future__ import annotations

from collections.abc import Iterator

from kdcore.spec.base import Problem, pointer
from kdcore.spec.dataset_plan import DatasetPlan
from kdcore.spec.job import JobSpec
from kdcore.spec.quantising import quantise_faults

WITH_TARGETS = frozenset({"segmentation", "detection"})
"""Tasks whose targets lie in the picture: what moves the one has to move the other."""

WITHOUT_RANKS = frozenset({"detection", "regression", "multilabel"})
"""Tasks whose outputs are more than logits of classes that exclude each other."""


def faults(spec: JobSpec, dataset: DatasetPlan) -> Iterator[Problem]:
    """Every setting that cannot work with this dataset."""
    yield from _labels(spec, dataset)
    yield from _splits(spec, dataset)
    yield from _sampler(spec, dataset)
    yield from _batches(spec, dataset)
    yield from _processes(spec)
    yield from _changes(spec, dataset)
    yield from _cache(spec, dataset)
    yield from quantise_faults(spec)


def _labels(spec: JobSpec, dataset: DatasetPlan) -> Iterator[Problem]:
    labels, train, info = spec.student.labels, dataset.counts.train, dataset.info
    least = dataset.num_classes if info.answers_classes else 2
    if labels is not None and not least <= labels <= train:
        between = f"the {least} classes" if info.answers_classes else str(least)
        message = f"must lie between {between} and the {train} training examples (got {labels})"
        yield Problem(pointer="/student/labels", code="invalid_value", message=message)


def _splits(spec: JobSpec, dataset: DatasetPlan) -> Iterator[Problem]:
    counts, given = dataset.counts, dataset.given
    if dataset.grouped and not {"validation", "test"} <= set(given):
        message = (
            "the dataset's examples belong to groups, and a job does not cut those: bring it with "
            "cut: {validation: ..., test: ...}"
        )
        yield Problem(pointer="/dataset", code="groups_uncut", message=message)
    least = dataset.num_classes if dataset.info.answers_classes else 2
    if counts.validation < least and "validation" not in given:
        what = f"{least} classes" if dataset.info.answers_classes else "a measurement"
        message = f"leaves {counts.validation} examples for {what}: raise it"
        yield Problem(pointer="/dataset/splits/validation", code="split_too_small", message=message)


def _sampler(spec: JobSpec, dataset: DatasetPlan) -> Iterator[Problem]:
    sampler, size = spec.training.sampler, spec.training.batch_size
    if sampler is None:
        return
    if not dataset.info.answers_classes:
        message = f"counts examples by class, and task {dataset.task} has none: leave it out"
        yield Problem(pointer="/training/sampler", code="no_classes", message=message)
    if sampler.makes not in (None, size):
        message = f"{sampler.classes} classes times {sampler.per_class} are {sampler.makes}, batch_size is {size}"
        yield Problem(pointer="/training/sampler", code="batch_differs", message=f"{message}: match them")
    if sampler.classes is not None and sampler.classes > dataset.num_classes:
        message = f"the dataset has {dataset.num_classes} classes (got {sampler.classes})"
        yield Problem(pointer="/training/sampler/classes", code="invalid_value", message=message)


def _batches(spec: JobSpec, dataset: DatasetPlan) -> Iterator[Problem]:
    training, train = spec.training, dataset.counts.train
    if training.batch_size % training.accumulate:
        message = f"must divide batch_size {training.batch_size} (got {training.accumulate})"
        yield Problem(pointer="/training/accumulate", code="invalid_value", message=message)
    if training.batch_size > train:
        message = f"larger than the {train} training examples (got {training.batch_size})"
        yield Problem(pointer="/training/batch_size", code="batch_too_large", message=message)


def _processes(spec: JobSpec) -> Iterator[Problem]:
    processes, training = spec.resources.processes, spec.training
    parts = processes * training.accumulate
    if processes > 1 and training.batch_size % parts:
        message = (
            f"training.batch_size {training.batch_size} cannot be shared equally: take one that {parts} divides "
            f"(got {processes} processes)"
        )
        yield Problem(pointer="/resources/processes", code="batch_not_shared", message=message)
    if processes > 1 and training.compile == "on":
        message = (
            "networks that several processes share are not compiled: take compile: auto or one process "
            f"(got {processes} processes)"
        )
        yield Problem(pointer="/training/compile", code="not_with_processes", message=message)


def _changes(spec: JobSpec, dataset: DatasetPlan) -> Iterator[Problem]:
    """Changes of pictures that the inputs, or the targets, do not go along with."""
    asked = spec.training.augment.model_dump(exclude_defaults=True, exclude={"views"})
    for name, value in asked.items():
        reason = _no_change(name, dataset)
        if reason is not None and value not in (False, None):
            message = f"{reason}: leave it out (got {value!r})"
            yield Problem(pointer=pointer("training", "augment", name), code="not_for_task", message=message)


def _cache(spec: JobSpec, dataset: DatasetPlan) -> Iterator[Problem]:
    """Of answers that are no scores of classes, each on its own, the largest tell nothing."""
    if spec.training.cache.top_k is not None and dataset.task in WITHOUT_RANKS:
        message = f"keeps the largest of many classes' logits, and the task is {dataset.task}: leave it out"
        yield Problem(pointer="/training/cache/top_k", code="not_for_task", message=message)


def _no_change(name: str, dataset: DatasetPlan) -> str | None:
    if dataset.input.kind != "image":
        return f"changes pictures, and the dataset has inputs of kind {dataset.input.kind}"
    if name in ("mixup", "cutmix") and not dataset.info.answers_classes:
        return f"mixes classes, and the task is {dataset.task}"
    if dataset.task in WITH_TARGETS and name not in ("flip", "color"):
        return f"would leave the targets of task {dataset.task} where they are"
    return None
