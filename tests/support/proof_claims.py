"""What every finished job has to prove, whatever its task: complaints about a result and its files, none if it does."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

DOCUMENTS = ("changes", "robustness", "shift", "alignment")
"""What a job may lack, if it says why."""


def missing(result: Mapping[str, Any]) -> Iterator[str]:
    """Documents that a result neither has nor gives a reason for."""
    told = result["diagnostics"]["unmeasured"]
    for name in DOCUMENTS:
        if not result[name] and not any(key.startswith(name) for key in told):
            yield f"{name}: neither measured nor said why not"
    for role, model in result["models"].items():
        yield from _of_model(role, model, result["diagnostics"]["undefined_in_resamples"])
    if not result["cost"]["device_seconds"] > 0:
        yield "cost: no device seconds"
    if {run["run"] for run in result["cost"]["runs"]} < {"alone", "distil"}:
        yield f"cost: runs {result['cost']['runs']}"


def _of_model(role: str, model: Mapping[str, Any], undefined: Mapping[str, Any]) -> Iterator[str]:
    for name, value in model["metrics"].items():
        interval = model["intervals"][name]
        if interval is None:
            if value is not None and not undefined:
                yield f"{role}.{name}: no interval, and no word of resamples without a figure"
        elif not interval[0] - 1e-9 <= value <= interval[1] + 1e-9:
            yield f"{role}.{name}: {value} lies outside {interval}"
    if not model["speeds"] or not model["memory_bytes"]:
        yield f"{role}: no speeds or memory of its ONNX file"


def untrue(result: Mapping[str, Any], files: Mapping[str, bytes]) -> Iterator[str]:
    """What a result says of its files and they do not hold."""
    for export in result["exports"]:
        if export["verified"] != (export["reason"] is None):
            yield f"{export['name']}: verified and withheld at once, or neither"
        if export["verified"] and export["name"] in files:
            if hashlib.sha256(files[export["name"]]).hexdigest() != export["sha256"]:
                yield f"{export['name']}: another digest than the file's"
        elif export["verified"]:
            yield f"{export['name']}: offered and not there"
    for line in files["SHA256SUMS"].decode().splitlines():
        digest, name = line.split(maxsplit=1)
        if hashlib.sha256(files[name.lstrip("*")]).hexdigest() != digest:
            yield f"SHA256SUMS: {name}"
    page = files["report.html"].decode()
    if len(page) > 1_000_000:
        yield f"report.html: {len(page)} characters"
    for language in ("en", "ja"):
        if f'lang="{language}"' not in page:
            yield f"report.html: nothing in {language}"
