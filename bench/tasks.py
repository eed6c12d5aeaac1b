"""One real run of every task through a whole service: brought, inspected, trained, measured; a row of a table for each.

    PYTHONPATH=.:tests/support .venv/bin/python bench/tasks.py [CASE ...]

Data: the folder of `DISTILLERY_DATA`, or `../shared/data`. The service is one of its own with one worker, as `distill
up` starts it. One seed: the tables show that tasks work, not which method is best.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from every_task import CASES, Case, cell_kinds, cell_masks, cells, films, plays, scenes, signs

from distillery import Client
from distillery.home import Home
from distillery.service import LocalService


@dataclass(frozen=True)
class Run:
    """A case, made larger, and its epochs."""

    case: Case
    epochs: int


def _run(name: str, epochs: int, **changes: Any) -> Run:
    case = CASES[name]
    options = {**case.options, **changes.pop("options", {})}
    return Run(replace(case, options=options, **changes), epochs)


BERT = {"options": {"hidden": 128, "heads": 4}}

RUNS: dict[str, Run] = {
    "classification, pictures": _run(
        "image-folder", 20, gather=partial(signs, counts=(60, 20)),
        options={"size": {"height": 48, "width": 48}},
        teacher={"architecture": "resnet20"}, student={"architecture": "resnet8", "width": 0.5},
    ),
    "several labels, pictures": _run("image-csv, several labels", 15, gather=partial(cell_kinds, count=300)),
    "classification, table": _run("table", 40, teacher={"architecture": "mlp-4"}),
    "regression, series": _run("series, what remains", 6, teacher={"architecture": "resnet1d-14"}),
    "classification, series": _run("series, states", 10),
    "classification, texts": _run(
        "text", 3, gather=partial(films, counts=(6920, 872, 1821)),
        options={"tokenizer": {"train": {"kind": "wordpiece", "vocabulary": 4000}}},
        training={"batch_size": 32, "optimizer": {"name": "adamw", "lr": 5e-4}},
        teacher={"architecture": "bert-4", **BERT}, student={"architecture": "bert-2", **BERT},
    ),
    "generation": _run("language", 4, gather=partial(plays, characters=300_000)),
    "generation, pairs": _run("generation", 6, gather=partial(scenes, counts=(4000, 400))),
    "detection": _run("voc", 15, gather=partial(cells, count=300)),
    "segmentation": _run("image-masks", 15, gather=partial(cell_masks, count=160)),
}  # fmt: skip


def main() -> None:
    """Run the cases that were named, or all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cases", nargs="*", help=", ".join(RUNS))
    asked = parser.parse_args()
    print(
        "| task | dataset | network | figure (95 %) | parameters | bytes | wall time |\n|---|---|---|---|---|---|---|"
    )
    with tempfile.TemporaryDirectory(prefix="distillery-bench-") as folder:
        home = Home(Path(folder) / "home")
        home.make()
        clean = {name: value for name, value in os.environ.items() if not name.startswith("DISTILLERY_")}
        with LocalService(home, "127.0.0.1", 0, clean, lambda _: None).running(), Client(home=home.path) as client:
            for name in asked.cases or RUNS:
                _measure(client, name, RUNS[name], Path(folder) / name.replace(" ", "-"))


def _measure(client: Client, name: str, run: Run, folder: Path) -> None:
    began = time.monotonic()
    folder.mkdir()
    upload = client.upload(run.case.gather(folder))
    dataset = client.create_dataset({"name": name, **run.case.options, "source": {"uploads": [upload["id"]]}})
    _end(client, client.dataset_version(dataset["id"], 1)["job_id"])
    brought = time.monotonic() - began
    job = _end(client, client.submit(run.case.spec(name, {"id": dataset["id"]}, run.epochs))["id"])
    took = time.monotonic() - began - brought
    for role, model in job["result"]["models"].items():
        times = f"{brought:.0f} + {took:.0f} s" if role == "student" else ""
        row = [name, run.case.options["format"], f"{role}, {model['architecture']}", _figure(job["result"], model)]
        print("| " + " | ".join([*row, f"{model['parameters']:,}", f"{model['bytes']:,}", times]) + " |", flush=True)
    print(f"{name}: {job['result']['verdict']['text']}\n", flush=True)


def _figure(result: dict[str, Any], model: dict[str, Any]) -> str:
    factor = 100 if result["metric"]["unit"] == "%" else 1
    low, high = (factor * bound for bound in model["interval"])
    return f"{result['metric']['name']} {factor * model['score']:.1f} ({low:.1f} to {high:.1f})"


def _end(client: Client, job_id: str) -> dict[str, Any]:
    for event in client.stream(job_id):
        if event["type"] == "end":
            break
    job = dict(client.job(job_id))
    if job["status"] != "succeeded":
        raise RuntimeError(f"{job['name']}: {job['error']}")
    return job


if __name__ == "__main__":
    main()
