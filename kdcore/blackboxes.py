"""Teachers that cannot be looked into, as a job has them: an ONNX graph that is run, a table that is looked up."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from torch import nn

from kdcore.data import Data
from kdcore.data.origins import names, sizes
from kdcore.errors import EngineError
from kdcore.models.stored import Stored
from kdcore.spec.dataset_plan import DatasetPlan
from kdcore.spec.plan import NetworkPlan, Plan
from kdcore.train.cache import Table
from kdcore.train.cache.stored import Scale
from kdcore.trees import TREES, planted


def black_box(network: NetworkPlan, folder: Path, dataset: DatasetPlan) -> nn.Module:
    """The network of a plan that is no architecture of ours.

    Args:
        folder: what the plan's paths are relative to.

    Raises:
        EngineError: ``invalid_data``, when its file is not there, or cannot be run.
    """
    path = folder / (TREES if network.kind == "trees" else str(network.weights))
    if not path.is_file():
        raise EngineError("invalid_data", f"no file {path.name!r} in the job's folder", "/teacher")
    if network.stored:
        return Stored(path)
    from kdcore.models.blackbox import BlackBoxError, OnnxNetwork

    try:
        return OnnxNetwork(path, **network.options, multilabel=dataset.task == "multilabel", scale=scale_of(dataset))
    except BlackBoxError as error:
        raise EngineError("invalid_data", f"the ONNX teacher cannot be run: {error}", "/teacher") from None


def tables(plan: Plan, data: Data, folder: Path) -> dict[str, Table]:
    """Stored outputs of a job, by network and by the paths that lead through them; trees are trained for theirs.

    Raises:
        EngineError: ``invalid_data``: no row for an example of training or validation, or nothing to learn from.
    """
    found: dict[str, Table] = {}
    for name, network in plan.networks.items():
        if network.kind == "outputs":
            assert network.weights is not None
            found[name] = Table.read(
                folder / network.weights,
                data.origins,
                sizes(plan.dataset, data),
                names(data),
                network.num_classes,
                scale_of(plan.dataset),
            )
        if network.kind == "trees":
            found[name] = planted(network, plan.dataset, data, folder, plan.spec.training.seed)
    return found | through(found, plan)


def through(found: Mapping[str, Table], plan: Plan) -> dict[str, Table]:
    """The same tables by the paths that lead through them: those are given what their network is given."""
    return {name: found[path.of] for name, path in plan.paths.items() if path.of in found}


def scale_of(dataset: DatasetPlan) -> Scale | None:
    """By which values become what networks learn; None for a task without values."""
    target = dataset.target
    return (target.mean, target.std) if dataset.task == "regression" and target.std else None
