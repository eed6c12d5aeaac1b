"""What the tests of re-evaluation share: a finished job on digits, and packs of digits as somebody would give them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import kdcore
from kdcore.data import load
from kdcore.data.examples import Examples
from kdcore.data.pack import Split, seal, write_split
from kdcore.prepare import weights_file
from kdcore.spec import Plan, parse_spec, plan
from kdcore.spec.cards import DatasetCard
from kdcore.spec.reevaluation import GIVEN_FOLDER, STUDENT_FILE, DriftRule, reevaluation_plan

SPEC: dict[str, Any] = {
    "name": "digits",
    "dataset": {"name": "digits"},
    "student": {"architecture": "resnet8", "width": 0.25},
    "method": "student-alone",
    "training": {"epochs": 3, "batch_size": 64},
    "deliver": ["safetensors"],
    "resources": {"device": "cpu", "threads": 1},
}
Change = Callable[[NDArray[np.uint8]], NDArray[np.uint8]]
JOB = "job_01k8t2v4x6a8c0e2g4h6j8k0m2"
DATASET = "ds_01k8t2v4x6a8c0e2g4h6j8k0m2"


def as_is(pictures: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The same."""
    return pictures


def noisy(pictures: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Noise of a fifth of the scale."""
    noise = np.random.default_rng(0).normal(0, 50, pictures.shape)
    return np.clip(pictures + noise, 0, 255).astype(np.uint8)


def inverted(pictures: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Black for white."""
    return (255 - pictures).astype(np.uint8)


def pack(folder: Path, given: Examples, change: Change = as_is) -> DatasetCard:
    """Pictures of digits as a pack of one split, as an inspection leaves it."""
    inputs, targets = change(given.inputs.numpy()), given.targets.numpy()
    write_split(folder, "train", Split(inputs, targets))
    counts = tuple(np.bincount(targets, minlength=10).tolist())
    card = {
        "name": "line 3",
        "task": "classification",
        "input": {"kind": "image", "shape": inputs.shape[1:]},
        "target": {"classes": tuple("0123456789")},
        "splits": {"train": {"count": len(inputs), "class_counts": counts}},
        "mean": (float(inputs.mean() / 255),),
        "std": (float(inputs.std() / 255),),
    }
    return seal(folder, card)


def finished(folder: Path, **changes: Any) -> tuple[Plan, dict[str, Any], Path]:
    """A trained job, without what it delivers: its plan, its student's figures, and the file of its weights."""
    planned = plan(parse_spec({**SPEC, **changes}))
    done = kdcore.run(planned, folder, lambda record: None, trial=True)
    return planned, done.document, weights_file(folder, "distil")


def again(
    folder: Path, job: Plan, student: Path, given: Examples, change: Change = as_is, *, grown: bool = False, **rule: Any
) -> dict[str, Any]:
    """The plan of a re-evaluation whose files lie in ``folder``."""
    card = pack(folder / GIVEN_FOLDER, given, change)
    (folder / STUDENT_FILE).parent.mkdir(parents=True)
    (folder / STUDENT_FILE).write_bytes(student.read_bytes())
    found = reevaluation_plan("again", JOB, job, DATASET, 1, card, DriftRule(**rule))
    return found.model_copy(update={"grown": grown}).document()


def split(name: str) -> Examples:
    """A split of digits as a job divides it."""
    return load("digits", name)
