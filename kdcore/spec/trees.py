"""Trees as a teacher before they are grown: a black box for tables and short series."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

from kdcore.spec.base import Problem, pointer
from kdcore.spec.catalogue import Description, LayerInfo
from kdcore.spec.dataset_plan import DatasetPlan
from kdcore.spec.plan import TEACHER

FEATURES_MAX = 4096
"""Numbers of one example: trees look at each of them for every split."""
TASKS = ("classification", "multilabel", "regression")
AT = pointer(TEACHER, "trees")


def tree_faults(dataset: DatasetPlan) -> Iterator[Problem]:
    """Why no trees can be grown on a dataset."""
    if dataset.input.kind not in ("table", "series"):
        message = f"trees take tables and series, the dataset has inputs of kind {dataset.input.kind}: take a network"
        yield Problem(pointer=AT, code="wrong_input", message=message)
    elif prod(dataset.input.shape) > FEATURES_MAX:
        message = (
            f"trees take {FEATURES_MAX} numbers an example at most, the dataset has {prod(dataset.input.shape)}: "
            "make the dataset with shorter windows, or take a network"
        )
        yield Problem(pointer=AT, code="input_too_large", message=message)
    if dataset.task not in TASKS:
        message = f"trees answer {', '.join(TASKS)}, the dataset asks for {dataset.task}: take a network"
        yield Problem(pointer=AT, code="wrong_task", message=message)


def tree_description(dataset: DatasetPlan) -> Description:
    """Outputs, and nothing inside."""
    shape = (dataset.num_classes,)
    return Description(
        architecture="trees",
        parameters=0,
        macs=0,
        layers=(LayerInfo("outputs", "BlackBox", shape, shape),),
        features=(),
        classifier="outputs",
        middle="",
        exact=False,
        black_box="an ensemble of trees",
    )
