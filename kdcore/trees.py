"""Gradient-boosted trees as a teacher: grown on the training split, asked once, and from then on a table of outputs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from torch import Tensor

from kdcore.data import Data
from kdcore.errors import EngineError
from kdcore.seeds import derive
from kdcore.spec.dataset_plan import DatasetPlan
from kdcore.spec.plan import NetworkPlan
from kdcore.train.cache import Table

TREES = "trees.safetensors"
"""What they say about every example, in the job's folder."""
SMALLEST = 1e-6
"""Probability that none at all is taken for, so that its logarithm is a number."""

Array = NDArray[Any]
Say = Callable[[Array], Array]


def planted(network: NetworkPlan, dataset: DatasetPlan, data: Data, folder: Path, seed: int) -> Table:
    """What the trees say about every example of a job: grown now, or as an earlier attempt left it.

    Friedman 2001 (Greedy function approximation: a gradient boosting machine, Ann. Statist. 29), as scikit-learn's
    HistGradientBoosting has it, without early stopping; several labels or values get an ensemble each.

    Raises:
        EngineError: ``invalid_data``: a training split with one class only.
    """
    path = folder / TREES
    if not path.exists():
        say = _grown(network.options, dataset, data, derive(seed, "trees") % 2**32)
        said = data.answered(lambda inputs: torch.from_numpy(say(_flat(inputs))).float())
        part = path.with_name(path.name + ".part")
        folder.mkdir(parents=True, exist_ok=True)
        save_file({split: answers.contiguous() for split, answers in said.items()}, part)
        part.replace(path)
    said = load_file(path)
    starts, start = {}, 0
    for split in ("train", "validation", "test"):
        starts[split] = torch.arange(start, start + len(said[split]))
        start += len(said[split])
    return Table({"logits": torch.cat([said[split] for split in starts])}, network.num_classes, starts)


def _flat(inputs: Tensor) -> Array:
    found: Array = inputs.reshape(len(inputs), -1).numpy().astype(np.float32)
    return found


def _grown(options: dict[str, Any], dataset: DatasetPlan, data: Data, seed: int) -> Say:
    """Trees on the training split: from inputs [N, F] to logits, log odds or standardised values [N, K]."""
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    asked = {
        "max_iter": options["iterations"],
        "max_depth": options["depth"],
        "learning_rate": options["learning_rate"],
        "max_leaf_nodes": options["leaves"],
        "early_stopping": False,
        "random_state": seed,
    }
    inputs, targets = _flat(data.train.inputs), data.train.targets.numpy()
    if dataset.task == "classification":
        return _classifier(HistGradientBoostingClassifier(**asked), inputs, targets, dataset.num_classes)
    columns = [targets[:, column] for column in range(targets.shape[1])]
    if dataset.task == "regression":
        regressors = [HistGradientBoostingRegressor(**asked).fit(inputs, column) for column in columns]
        return lambda rows: np.stack([one.predict(rows) for one in regressors], 1)
    labels = [_label(HistGradientBoostingClassifier(**asked), inputs, column) for column in columns]
    return lambda rows: np.stack([one(rows) for one in labels], 1)


def _classifier(trees: Any, inputs: Array, targets: Array, classes: int) -> Say:
    if len(np.unique(targets)) < 2:
        raise EngineError(
            "invalid_data", "the training split has one class only: trees have nothing to learn", "/dataset"
        )
    trees.fit(inputs, targets)

    def say(rows: Array) -> Array:
        shares = np.full((len(rows), classes), SMALLEST)
        shares[:, trees.classes_.astype(int)] = trees.predict_proba(rows)
        logits: Array = np.log(np.clip(shares, SMALLEST, 1))
        return logits

    return say


def _label(trees: Any, inputs: Array, column: Array) -> Callable[[Array], Array]:
    """Log odds of one label; of one that never changes, as sure as can be."""
    truths = column > 0.5
    if truths.all() or not truths.any():
        odds = np.log((1 - SMALLEST) / SMALLEST) * (1 if truths.all() else -1)
        return lambda rows: np.full(len(rows), odds)
    trees.fit(inputs, truths)

    def say(rows: Array) -> Array:
        share = np.clip(trees.predict_proba(rows)[:, 1], SMALLEST, 1 - SMALLEST)
        found: Array = np.log(share / (1 - share))
        return found

    return say
