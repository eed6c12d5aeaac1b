"""Small packs of token ids: sentences and pairs of sentences whose label their words tell."""

from pathlib import Path

import numpy as np

from kdcore.data.pack import Split, read_card, seal, write_split
from kdcore.spec import parse_spec, plan
from kdcore.spec.brought import Brought, BroughtDataset

PADDING, UNKNOWN, BEGIN, SEPARATOR = range(4)
SPECIAL = {"padding": PADDING, "unknown": UNKNOWN, "begin": BEGIN, "separator": SEPARATOR}
VOCABULARY, LENGTH = 40, 12
THIN = {"hidden": 24, "heads": 3, "dropout": 0.0}
"""Options of encoders that tests can afford."""


def ids(count, seed, length=LENGTH):
    """Token ids [count, length], int32: begin, words, separator, words, separator, padding."""
    draw = np.random.default_rng(seed)
    rows = np.full((count, length), PADDING, np.int32)
    for row in rows:
        first, second = draw.integers(2, (length - 3) // 2 + 1, size=2)
        words = draw.integers(4, VOCABULARY, size=first + second)
        row[: first + second + 3] = [BEGIN, *words[:first], SEPARATOR, *words[first:], SEPARATOR]
    return rows


def scores(rows):
    """How many words of a row are from the upper half of the vocabulary, against those from the lower: [count]."""
    words = rows >= 4
    return ((rows >= (VOCABULARY + 4) // 2) & words).sum(1) / words.sum(1) - 0.5


def pack(folder, task="classification", classes=3, train=128, test=48):
    """A pack in ``folder``; its label follows from `scores`."""
    card = {
        "name": "sentences",
        "task": task,
        "input": {"kind": "tokens", "shape": [LENGTH], "vocabulary": VOCABULARY, "special": SPECIAL},
        "target": {"classes": [f"class {i}" for i in range(classes)] if task == "classification" else ["score"]},
        "splits": {},
    }
    for seed, (name, count) in enumerate({"train": train, "test": test}.items()):
        rows = ids(count, seed)
        value = scores(rows)
        ranks = np.searchsorted(np.quantile(value, np.arange(1, classes) / classes), value, side="right")
        targets = ranks.astype(np.int64) if task == "classification" else value[:, None].astype(np.float32)
        write_split(Path(folder), name, Split(rows, targets))
        counts = np.bincount(targets, minlength=classes).tolist() if task == "classification" else []
        card["splits"][name] = {"count": count, "class_counts": counts}
    return seal(Path(folder), card)


def text_plan(folder, **changes):
    """A plan of a job of a few seconds on the pack in ``folder``; keyword arguments replace parts of the spec."""
    spec = {
        "name": "sentences",
        "dataset": {"path": str(folder)},
        "teacher": {"architecture": "bert-4", "options": THIN, "train": {"epochs": 2}},
        "student": {"architecture": "bert-2", "options": THIN},
        "method": "hinton",
        "training": {"epochs": 4, "batch_size": 32, "checkpoints": {"every_seconds": 3600}},
        "deliver": ["safetensors", "onnx"],
        "resources": {"device": "cpu", "threads": 1},
        **changes,
    }
    brought = Brought(datasets={str(folder): BroughtDataset(read_card(Path(folder)), folder=str(folder))})
    return plan(parse_spec(spec), allow_paths=True, brought=brought)
