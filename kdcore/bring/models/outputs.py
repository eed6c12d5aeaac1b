"""A table of stored outputs becomes one safetensors file of logits, keyed by the samples' names or places."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import log
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor

from kdcore.bring.caps import Caps
from kdcore.bring.findings import Findings
from kdcore.bring.models.files import chosen, refused, seal
from kdcore.bring.models.tables import NAMED, Part, read_arrays, read_rows
from kdcore.bring.models.weights import described
from kdcore.errors import EngineError
from kdcore.spec.bringing.models import OutputsModel
from kdcore.spec.cards import ModelCard

OUTPUTS, NAMES = "outputs.safetensors", "names.txt"
ROWS, ARRAYS = (".csv", ".tsv", ".parquet"), (".npz", ".safetensors")

SMALLEST = 1e-8
"""Probability that none at all is taken for, so that its logarithm is a number."""
UNKNOWN_REST = 1e-4
"""Mass of all outputs that a table of the largest leaves out without saying how much they have (ours)."""
OFF_BY = 1e-2
"""How far the sum of a row of probabilities may be from one."""


def bring_outputs(source: Path, options: OutputsModel, out: Path, caps: Caps) -> ModelCard:
    """Write ``outputs.safetensors`` (and ``names.txt`` where rows are keyed by names), and the card.

    Raises:
        EngineError: ``invalid_data``: rows that are no numbers, twice the same sample, or places outside.
    """
    path = chosen(source, options.file, {*ROWS, *ARRAYS}, caps)
    findings = Findings(listed=caps.listed)
    reader = read_arrays if path.suffix.lower() in ARRAYS else read_rows
    parts = reader(path, source if source.is_dir() else path.parent, options, caps, findings)
    _settle(findings, parts, path.name)
    count = _outputs(parts, options, path.name)
    says = _says(parts, options)
    tensors: dict[str, Tensor] = {}
    for name, part in parts.items():
        _check(name, part, count, says, options, path.name)
        tensors |= {f"{name}/{key}": value for key, value in _encoded(part, count, says, options.task).items()}
    out.mkdir(parents=True, exist_ok=True)
    save_file(tensors, out / OUTPUTS)
    if NAMED in parts:
        (out / NAMES).write_text("\n".join(parts[NAMED].names) + "\n", encoding="utf-8")
    rows = {name: len(part) for name, part in parts.items()}
    return seal(
        out,
        {
            "name": options.name,
            "kind": "outputs",
            "options": {"outputs": count, "keyed_by": "name" if NAMED in parts else "index"},
            "num_outputs": count,
            "report": {"file": path.name, "rows": rows, "says": says, "steps": _steps(rows, says, parts)},
            **described(options, count),
        },
    )


def _settle(findings: Findings, parts: Mapping[str, Part], item: str) -> None:
    """A table with a fault is refused as a whole: a teacher that lacks rows would fail later."""
    total = sum(findings.counts.values())
    if total:
        first = findings.faults[0]
        more = f", and {total - 1} more" if total > 1 else ""
        raise refused(first["item"], f"{first['message']}{more}")
    if not any(map(len, parts.values())):
        raise refused(item, "has no rows")


def _outputs(parts: Mapping[str, Part], options: OutputsModel, item: str) -> int:
    widths = {part.values.shape[1] for part in parts.values() if part.places is None}
    if any(part.places is not None for part in parts.values()):
        if widths:
            raise refused(item, "stores all outputs in one split and the largest in another: choose one")
        stated = options.outputs or len(options.classes)
        if not stated:
            message = f"{item} stores only the largest outputs: say how many 'outputs' there are, or name the 'classes'"
            raise EngineError("invalid_data", message, "/outputs")
        return stated
    if len(widths) != 1:
        raise refused(item, f"its splits have {sorted(widths)} outputs: give all the same")
    return int(widths.pop())


def _says(parts: Mapping[str, Part], options: OutputsModel) -> str:
    """``values`` for tasks without probabilities, else what the user says or what the numbers look like."""
    if options.task not in {"classification", "multilabel"}:
        return "values"
    if options.says != "auto":
        return options.says
    shares = all(bool(((part.values >= 0) & (part.values <= 1)).all()) for part in parts.values())
    if options.task == "multilabel" or not shares:
        return "probabilities" if shares else "logits"
    whole = all(
        part.places is not None or bool((abs(part.values.sum(1) - 1) < OFF_BY).all()) for part in parts.values()
    )
    return "probabilities" if whole else "logits"


def _check(name: str, part: Part, count: int, says: str, options: OutputsModel, item: str) -> None:
    for row, fault in _faults(part, count, says, options.task):
        raise refused(f"{item}, {name} row {part.key(row)}", fault)


def _faults(part: Part, count: int, says: str, task: str) -> Iterator[tuple[int, str]]:
    def first(bad: Any, fault: str) -> Iterator[tuple[int, str]]:
        rows = np.flatnonzero(bad)
        if len(rows):
            yield int(rows[0]), fault

    yield from first(~np.isfinite(part.values).all(1), "holds NaN or infinite numbers")
    if part.places is not None:
        yield from first(((part.places < 0) | (part.places >= count)).any(1), f"names outputs outside 0 to {count - 1}")
        ordered = np.sort(part.places, 1)
        yield from first((ordered[:, 1:] == ordered[:, :-1]).any(1), "names an output twice")
    if part.rest is not None:
        yield from first(~((part.rest >= 0) & (part.rest <= 1)), "has a rest that is no share of one")
    if says == "probabilities":
        yield from first(((part.values < 0) | (part.values > 1)).any(1), "has probabilities outside 0 to 1")
        if task == "classification":
            sums = part.values.sum(1) + (0 if part.rest is None else part.rest)
            wrong = sums > 1 + OFF_BY if part.places is not None and part.rest is None else abs(sums - 1) > OFF_BY
            yield from first(wrong, "has probabilities that do not sum to one")


def _encoded(part: Part, count: int, says: str, task: str) -> dict[str, Tensor]:
    """Tensors of one split: logits [N, K], or the largest with their places and ``log mean exp`` of the others."""
    found: dict[str, Tensor] = {}
    if part.index is not None:
        found["index"] = torch.from_numpy(np.ascontiguousarray(part.index, dtype=np.int64))
    values = torch.from_numpy(np.ascontiguousarray(part.values, dtype=np.float64))
    logits = _logits(values, task) if says == "probabilities" else values
    if part.places is None:
        return {**found, "logits": logits.float()}
    found["places"] = torch.from_numpy(np.ascontiguousarray(part.places, dtype=np.int32))
    found["values"] = logits.float()
    if count > logits.shape[1]:
        found["rest"] = _others(part, logits, says, count).float()
    return found


def _logits(probabilities: Tensor, task: str) -> Tensor:
    shares = probabilities.clamp(SMALLEST, 1 - SMALLEST if task == "multilabel" else 1.0)
    return shares.logit() if task == "multilabel" else shares.log()


def _others(part: Part, logits: Tensor, says: str, count: int) -> Tensor:
    """Logit that each output shares which is not stored, from the mass of all of them: [N]."""
    kept = logits.logsumexp(1)
    if part.rest is not None:
        mass = torch.from_numpy(np.asarray(part.rest, dtype=np.float64)).clamp(SMALLEST, 1 - SMALLEST)
    elif says == "probabilities":
        mass = (1 - logits.exp().sum(1)).clamp(SMALLEST, 1 - SMALLEST)
    else:
        mass = torch.full_like(kept, UNKNOWN_REST)
    total = kept + (mass / (1 - mass)).log() if says == "logits" else mass.log()
    return total - log(count - logits.shape[1])


def _steps(rows: Mapping[str, int], says: str, parts: Mapping[str, Part]) -> list[str]:
    shown = ", ".join(f"{count} rows of {name}" for name, count in rows.items())
    steps = [f"{shown}; they are {says}"]
    if any(part.places is not None and part.rest is None for part in parts.values()) and says == "logits":
        steps.append(f"only the largest are stored and no rest: the others share {UNKNOWN_REST:g} of the mass")
    return steps
