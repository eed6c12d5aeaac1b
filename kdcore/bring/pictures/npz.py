"""``npz``: arrays of NumPy, whatever they are of: pictures, series or tables, with classes, labels or values."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from kdcore.bring.moments import blocks
from kdcore.bring.pictures.arrays import open_array
from kdcore.bring.room import Array, Reading, Room
from kdcore.errors import EngineError
from kdcore.spec.bringing.pictures import Npz
from kdcore.spec.cards import InputCard, SplitName, TargetCard
from kdcore.spec.tasks import InputKind, TaskName

_PREFIXES: dict[SplitName, str] = {"train": "", "validation": "validation_", "test": "test_"}


def read_npz(room: Room, options: Npz) -> Reading:
    """Read arrays of inputs and targets; rows with NaN, infinity or a label that is no class are faults.

    Raises:
        EngineError: ``invalid_data``, by the option that names the array.
    """
    parts = {split: pair for split in _PREFIXES if (pair := _pair(room, options, split)) is not None}
    form = _Form.of(options, [inputs for inputs, _ in parts.values()])
    answers = np.concatenate([np.asarray(targets) for _, targets in parts.values()])
    task = options.task or _task(answers)
    targets, classes = _TARGETS[task](answers, options, room)
    names = [f"{_PREFIXES[split]}{place}" for split, (inputs, _) in parts.items() for place in range(len(inputs))]
    given: list[SplitName] = [split for split, (inputs, _) in parts.items() for _ in range(len(inputs))]
    rows, kept = _filled(room, form, [inputs for inputs, _ in parts.values()], _usable(targets, names, room), names)
    groups = _groups(room, options, len(parts["train"][0]), len(names))
    return Reading(
        task=task,
        input=InputCard(kind=form.kind, shape=form.shape, channels=_channels(form, options), rate_hz=options.rate_hz),
        target=TargetCard(classes=classes),
        inputs=rows,
        targets=targets[kept],
        names=[names[place] for place in kept],
        given=[given[place] for place in kept],
        groups=None if groups is None else groups[kept],
        flip=options.flip,
    )


def _pair(room: Room, options: Npz, split: SplitName) -> tuple[Array, Array] | None:
    prefix = _PREFIXES[split]
    keys = getattr(options, f"{prefix}inputs"), getattr(options, f"{prefix}targets")
    if keys[0] is None:
        return None
    inputs, targets = (
        open_array(room, key, f"/{prefix}{kind}") for key, kind in zip(keys, ("inputs", "targets"), strict=True)
    )
    if len(inputs) != len(targets):
        message = f"{keys[0]} has {len(inputs)} rows and {keys[1]} has {len(targets)}: bring arrays of one length"
        raise EngineError("invalid_data", message, f"/{prefix}targets")
    return inputs, targets


class _Form:
    """What inputs become.

    Attributes:
        kind: of input.
        shape: of one example.
    """

    def __init__(self, kind: InputKind, shape: tuple[int, ...], *, moved: bool, widened: bool) -> None:
        self.kind, self.shape, self._moved, self._widened = kind, shape, moved, widened

    @classmethod
    def of(cls, options: Npz, arrays: Sequence[Array]) -> _Form:
        """The form of arrays that shall become one."""
        first = arrays[0]
        if any(array.shape[1:] != first.shape[1:] for array in arrays):
            shapes = ", ".join(str(list(array.shape)) for array in arrays)
            raise EngineError("invalid_data", f"the splits have rows of several shapes: {shapes}", "/inputs")
        kind = options.kind or _kind(first)
        axes = {"image": (3, 4), "series": (2, 3), "table": (2,)}[kind]
        if first.ndim not in axes:
            message = (
                f"{kind} inputs have {' or '.join(map(str, axes))} axes, these have {first.ndim}: say another kind"
            )
            raise EngineError("invalid_data", message, "/kind")
        moved = first.ndim == 4 and _is_last(options, first)
        widened = first.ndim < max(axes)
        one = (1, *first.shape[1:]) if widened else first.shape[1:]
        return cls(kind, (one[-1], *one[:-1]) if moved else one, moved=moved, widened=widened)

    @property
    def dtype(self) -> type:
        """Bytes for pictures, else 32-bit numbers."""
        return np.uint8 if self.kind == "image" else np.float32

    def apply(self, block: Array) -> Array:
        """Rows in this form."""
        if self.kind == "image":
            _check_levels(block)
        shaped = block[:, None] if self._widened else block
        return np.asarray(np.moveaxis(shaped, -1, 1) if self._moved else shaped, dtype=self.dtype)


def _kind(inputs: Array) -> InputKind:
    if inputs.ndim == 2:
        return "table"
    if inputs.ndim == 3 and inputs.dtype.kind == "f":
        return "series"
    if inputs.ndim in {3, 4} and inputs.dtype == np.uint8:
        return "image"
    message = f"inputs of {inputs.dtype} {list(inputs.shape)} could be of several kinds: say kind"
    raise EngineError("invalid_data", message, "/kind")


def _is_last(options: Npz, inputs: Array) -> bool:
    if options.channels is not None:
        return options.channels == "last"
    first, last = (inputs.shape[axis] in {1, 3} for axis in (1, 3))
    if first == last:
        message = f"channels of pictures {list(inputs.shape)} could stand first or last: say channels"
        raise EngineError("invalid_data", message, "/channels")
    return last


def _check_levels(block: Array) -> None:
    if block.dtype.kind == "f":
        message = f"pictures are whole numbers from 0 to 255, these are {block.dtype}: scale them and save uint8"
        raise EngineError("invalid_data", message, "/inputs")
    if block.dtype != np.uint8 and len(block) and (int(block.min()) < 0 or int(block.max()) > 255):
        message = f"pictures hold 0 to 255, these {int(block.min())} to {int(block.max())}: scale them and save uint8"
        raise EngineError("invalid_data", message, "/inputs")


def _filled(
    room: Room, form: _Form, arrays: Sequence[Array], usable: NDArray[np.bool_], names: Sequence[str]
) -> tuple[Array, NDArray[np.int64]]:
    """The usable rows in their form, and their places among all."""
    rows = room.rows("inputs", len(usable), form.shape, form.dtype)
    kept: list[NDArray[np.int64]] = []
    seen = done = 0
    room.steps.begin("read", len(usable))
    for array in arrays:
        for raw in blocks(array, np.arange(len(array))):
            block = form.apply(raw)
            is_finite = np.isfinite(block).reshape(len(block), -1).all(axis=1)
            for place in np.flatnonzero(~is_finite):
                message = "its inputs hold NaN, infinity or numbers beyond 32 bits: fill them, or leave it out"
                room.found.fault(names[seen + int(place)], "not_finite", message)
            good = np.flatnonzero(is_finite & usable[seen : seen + len(block)])
            rows[done : done + len(good)] = block[good]
            kept.append(good + seen)
            seen, done = seen + len(block), done + len(good)
            room.steps.advance(len(block))
    return rows[:done], np.concatenate(kept)


def _usable(targets: Array, names: Sequence[str], room: Room) -> NDArray[np.bool_]:
    """Which rows have an answer: classes are not negative, labels and values are numbers."""
    flat = targets.reshape(len(targets), -1)
    good = (flat >= 0).all(axis=1) if targets.dtype == np.int64 else np.isfinite(flat).all(axis=1)
    for place in np.flatnonzero(~good):
        message = f"its target is {flat[place][:5].tolist()}, which is no answer: correct it"
        room.found.fault(names[int(place)], "wrong_label", message)
    return np.asarray(good)


def _task(targets: Array) -> TaskName:
    if targets.ndim == 1:
        return "regression" if targets.dtype.kind == "f" else "classification"
    if targets.ndim == 2 and np.isin(targets, (0, 1)).all():
        if (targets.sum(axis=1) == 1).all():
            message = "each row of targets has exactly one 1: say task, classification or multilabel"
            raise EngineError("invalid_data", message, "/task")
        return "multilabel"
    return "regression"


def _classes(targets: Array, options: Npz, room: Room) -> tuple[Array, tuple[str, ...]]:
    if targets.ndim == 2 and targets.shape[1] > 1:
        if not (np.isin(targets, (0, 1)).all() and (targets.sum(axis=1) == 1).all()):
            message = f"targets {list(targets.shape)} are no classes: a row needs one number, or exactly one 1"
            raise EngineError("invalid_data", message, "/targets")
        targets = np.argmax(targets, axis=1)
    numbers = targets.reshape(-1)
    if numbers.dtype.kind == "f" and not (np.isfinite(numbers).all() and (numbers == np.floor(numbers)).all()):
        raise EngineError("invalid_data", "targets hold fractions: classes are whole numbers", "/targets")
    labels = numbers.astype(np.int64)
    count = len(options.classes) or int(labels.max(initial=0)) + 1
    if count > room.caps.classes or (options.classes and int(labels.max(initial=0)) >= count):
        message = f"class {int(labels.max())} occurs, possible are {min(count, room.caps.classes)}: number them from 0"
        raise EngineError("invalid_data", message, "/targets")
    return labels, options.classes or tuple(map(str, range(count)))


def _labels(targets: Array, options: Npz, room: Room) -> tuple[Array, tuple[str, ...]]:
    values, names = _values(targets, options, room)
    if not np.isin(values, (0, 1)).all():
        raise EngineError("invalid_data", "targets hold other numbers than 0 and 1: labels are 0 or 1", "/targets")
    return values, names


def _values(targets: Array, options: Npz, room: Room) -> tuple[Array, tuple[str, ...]]:
    if targets.ndim > 2:
        message = f"targets have {targets.ndim} axes: an example has one number, or a row of them"
        raise EngineError("invalid_data", message, "/targets")
    values = targets.reshape(len(targets), -1).astype(np.float32)
    if options.classes and len(options.classes) != values.shape[1]:
        message = f"targets have {values.shape[1]} columns and classes {len(options.classes)} names: name all of them"
        raise EngineError("invalid_data", message, "/classes")
    return values, options.classes or tuple(map(str, range(values.shape[1])))


_TARGETS = {"classification": _classes, "multilabel": _labels, "regression": _values}


def _groups(room: Room, options: Npz, train: int, total: int) -> NDArray[np.int64] | None:
    """Groups of the rows of ``inputs``; each row of a given split is a group of its own."""
    if options.groups is None:
        return None
    groups = np.asarray(open_array(room, options.groups, "/groups"))
    if groups.shape != (train,) or groups.dtype.kind not in "iu":
        message = f"groups are {groups.dtype} {list(groups.shape)}: bring a whole number for each of {train} inputs"
        raise EngineError("invalid_data", message, "/groups")
    _, numbers = np.unique(groups, return_inverse=True)
    return np.concatenate([numbers, len(numbers) + np.arange(total - train)]).astype(np.int64)


def _channels(form: _Form, options: Npz) -> tuple[str, ...]:
    if options.names and len(options.names) != form.shape[0]:
        message = f"inputs have {form.shape[0]} channels and names has {len(options.names)}: name all of them"
        raise EngineError("invalid_data", message, "/names")
    if form.kind == "image" and not options.names:
        return {1: ("grey",), 3: ("red", "green", "blue")}.get(form.shape[0], ())
    return options.names
