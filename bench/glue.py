"""Text encoders on SST-2 sentences and RTE pairs: teacher, student alone and distilled, as users would run them.

    .venv/bin/python bench/glue.py [--data ../shared/data] [--task sst2] [--methods hinton layer-matching] [--markdown]

Each method is one job of the engine: a teacher of four blocks is trained, then a student of two blocks alone and taught
by it, both from the same initial weights or from copies of the teacher's layers (``--copy``). Accuracy is that of the
official test sentences, sizes and times are those of the delivered ONNX files.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kdcore
from kdcore.bring import Caps, dataset
from kdcore.data.pack import read_card
from kdcore.spec import parse_spec, plan
from kdcore.spec.bringing import parse_bringing
from kdcore.spec.brought import Brought, BroughtDataset

TASKS: dict[str, tuple[str, dict[str, Any]]] = {
    "sst2": ("sst2", {"text": 0, "target": 1, "reading": {"header": False}, "max_length": 48}),
    "rte": ("rte-resplit", {"text": "sentence1", "pair": "sentence2", "target": "label", "max_length": 128}),
}
"""Folder of each task, and how its files are read."""


def bring(task: str, data: Path, out: Path, vocabulary: int) -> None:
    """The dataset's files as a pack, with word pieces learnt from its training texts."""
    folder, reading = TASKS[task]
    tokenizer = {"train": {"kind": "wordpiece", "vocabulary": vocabulary}}
    options = {"format": "text", "name": task, "task": "classification", "tokenizer": tokenizer, **reading}
    dataset(data / folder, parse_bringing(options), out, caps=Caps())


def job(folder: Path, method: Any, options: argparse.Namespace) -> dict[str, Any]:
    """One job's result, with the seconds that it took."""
    size = {"hidden": options.hidden, "heads": 4}
    student: dict[str, Any] = {"architecture": "bert-2", "options": size}
    training = {
        "epochs": options.epochs,
        "batch_size": 32,
        "optimizer": {"name": "adamw", "lr": options.rate},
        "seed": options.seed,
    }
    spec = {
        "name": f"{folder.name}-{method}",
        "dataset": {"path": str(folder)},
        "teacher": {"architecture": "bert-4", "options": size, "train": {"epochs": options.teacher_epochs}},
        "student": {**student, "copy": {"layers": "forward"}} if options.copy else student,
        "method": method,
        "training": training,
        "deliver": ["safetensors", "onnx", "onnx-int8"],
        "resources": {"device": "cpu", "threads": options.threads},
    }
    brought = Brought(datasets={str(folder): BroughtDataset(read_card(folder), folder=str(folder))})
    with tempfile.TemporaryDirectory() as workdir:
        start = time.perf_counter()
        kdcore.run(plan(parse_spec(spec), allow_paths=True, brought=brought), Path(workdir), lambda record: None)
        result: dict[str, Any] = json.loads((Path(workdir) / "artifacts" / "result.json").read_text())
    return {**result, "seconds": time.perf_counter() - start}


def lines(result: dict[str, Any]) -> Iterator[list[str]]:
    """A row of the table for each network of a job, and each delivered file."""
    for role, model in result["models"].items():
        low, high = model["interval"]
        yield [
            result["name"],
            f"{role} ({model['architecture']})",
            f"{model['score']:.1%} ({low:.1%} to {high:.1%})",
            f"{model['metrics']['matthews']:.3f}",
            f"{model['parameters']:,}",
            f"{model['bytes']:,}",
            "" if model["latency_ms"] is None else f"{model['latency_ms']['p50']:.2f}",
        ]
    for one in result["exports"]:
        said = "verified" if one["verified"] else f"withheld: {one['reason']}"
        yield [result["name"], one["name"], "" if one["score"] is None else f"{one['score']:.1%}", said, "",
               "" if one["bytes"] is None else f"{one['bytes']:,}", ""]  # fmt: skip
    yield [result["name"], result["verdict"]["text"], f"{result['seconds']:.0f} s", "", "", "", ""]


def main() -> None:
    """Run the jobs and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--task", choices=TASKS, default="sst2")
    parser.add_argument("--methods", nargs="+", default=["hinton", "layer-matching"])
    parser.add_argument("--copy", action="store_true", help="start the student from the teacher's layers")
    parser.add_argument("--vocabulary", type=int, default=4000)
    parser.add_argument("--hidden", type=int, default=128)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--teacher-epochs", type=int, default=5)
    parser.add_argument("--rate", type=float, default=5e-4)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--markdown", action="store_true")
    options = parser.parse_args()
    header = ["job", "network or file", "accuracy (95 %)", "Matthews", "parameters", "bytes", "p50 ms"]
    table = [header]
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / options.task
        bring(options.task, options.data, folder, options.vocabulary)
        for method in options.methods:
            table += lines(job(folder, method, options))
    if options.markdown:
        table.insert(1, ["---"] * len(header))
    for row in table:
        sys.stdout.write(f"| {' | '.join(row)} |\n" if options.markdown else "  ".join(row) + "\n")


if __name__ == "__main__":
    main()
