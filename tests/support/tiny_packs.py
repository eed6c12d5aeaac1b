"""Tiny packs of every kind of input, their plans, and the networks that go with them."""

import numpy as np

from kdcore.data.pack import Split, seal, write_split
from kdcore.spec import parse_spec, plan
from kdcore.spec.brought import Brought, BroughtDataset

COUNTS = {"train": 64, "validation": 24, "test": 24}
CLASSES = ("one", "two", "three")


def series(folder, channels=3, length=24, seed=0):
    """Sines of three frequencies in noise."""

    def inputs(stream, targets):
        steps = np.arange(length) * (targets[:, None] + 1) * 2 * np.pi / length
        phases = stream.uniform(0, 2 * np.pi, (len(targets), channels, 1))
        return np.sin(steps[:, None] + phases) + 0.3 * stream.standard_normal((len(targets), channels, length))

    return _pack(folder, {"kind": "series", "shape": (channels, length)}, inputs, seed)


def table(folder, features=7, seed=0):
    """Three clouds of points."""
    centres = np.random.default_rng(7).standard_normal((len(CLASSES), features)) * 2

    def inputs(stream, targets):
        return centres[targets] + stream.standard_normal((len(targets), features))

    return _pack(folder, {"kind": "table", "shape": (features,)}, inputs, seed)


def pictures(folder, side=32, channels=3, seed=0):
    """Bright upper, lower or left halves."""

    def inputs(stream, targets):
        found = stream.integers(0, 120, (len(targets), channels, side, side))
        half = side // 2
        for place, target in enumerate(targets):
            part = [np.s_[:, :half], np.s_[:, half:], np.s_[:, :, :half]][target]
            found[place][part] += 100
        return found

    return _pack(folder, {"kind": "image", "shape": (channels, side, side)}, inputs, seed)


def masks(folder, side=16, seed=0):
    """A bright and a dark rectangle on grey; pixels at the lower edge have no class."""

    def inputs(stream, targets):
        values = np.array([120, 220, 20, 120])[np.minimum(targets, 3)][:, None].repeat(3, 1)
        return values + stream.integers(-15, 16, values.shape)

    def targets(stream, count):
        found = np.zeros((count, side, side), np.uint8)
        for mask in found:
            for value, left in ((1, 0), (2, side // 2)):
                top, start = stream.integers(0, side // 2), left + stream.integers(0, side // 4)
                mask[top : top + side // 3, start : start + side // 4] = value
            mask[-1] = 255
        return found

    return _pack(folder, {"kind": "image", "shape": (3, side, side)}, inputs, seed, targets)


def _pack(folder, given, inputs, seed, masks=None):
    splits, ignored = {}, None if masks is None else 255
    for at, (name, count) in enumerate(COUNTS.items()):
        stream = np.random.default_rng([seed, at])
        targets = np.arange(count) % len(CLASSES) if masks is None else masks(stream, count)
        values = inputs(stream, targets).astype(np.uint8 if given["kind"] == "image" else np.float32)
        write_split(folder, name, Split(values, targets.astype(np.int64) if masks is None else targets))
        counts = np.bincount(targets.ravel(), minlength=256)[: len(CLASSES)]
        splits[name] = {"count": count, "class_counts": tuple(counts.tolist())}
        axes = tuple(axis for axis in range(values.ndim) if axis != 1)
        scale = 255 if given["kind"] == "image" else 1
        splits.setdefault("moments", (values.mean(axes) / scale, values.std(axes) / scale))
    mean, std = splits.pop("moments")
    return seal(
        folder,
        {
            "name": given["kind"],
            "task": "classification" if masks is None else "segmentation",
            "input": given,
            "target": {"classes": CLASSES, "ignored": ignored},
            "splits": splits,
            "mean": tuple(map(float, mean)),
            "std": tuple(map(float, std)),
        },
    )


def planned(folder, card, teacher, student, method="hinton", **changes):
    """The plan of a small job on a pack."""
    spec = {
        "name": "tiny",
        "dataset": {"path": str(folder)},
        "teacher": {"train": {"epochs": 1}, **teacher},
        "student": student,
        "method": method,
        "training": {
            "epochs": 4,
            "batch_size": 32,
            "schedule": {"name": "constant", "warmup_epochs": 0},
            "checkpoints": {"every_seconds": 3600},
        },
        "deliver": ["safetensors", "onnx"],
        "resources": {"device": "cpu", "threads": 1},
        **changes,
    }
    brought = Brought(datasets={str(folder): BroughtDataset(card, folder=str(folder))})
    return plan(parse_spec(spec), allow_paths=True, brought=brought)
