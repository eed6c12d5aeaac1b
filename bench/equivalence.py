"""Are kept views and fast numerics as good as live float32? Paired seeds, and a test of equivalence.

    .venv/bin/python bench/equivalence.py --json equivalence.json [--seeds 12] [--jobs 2] [--data FOLDER]

Whole jobs, run by ``kdcore.run``, on 2,000 pictures of MNIST, measured on its 10,000 test pictures. One teacher for
all (resnet20, trained first, once) teaches a resnet8 by Hinton's distillation, both of half the width, for 16 epochs.
For each seed two arms with the same initial weights and the same order of pictures:

- ``live``: the teacher asked in each step, pictures moved anew each epoch, float32, contiguous;
- ``fast``: ``views: 8``, the teacher's outputs kept, and ``--numerics``: bfloat16 and channels_last, which are what
  ``auto`` may take where a processor has bfloat16 units, unless others are named, as float32,channels_last.

The numerics are pinned, so that they are tried where ``auto`` would not take them, too; a processor without bfloat16
units takes some five times as long for them. The differences fast - live, in points of accuracy, are tested by two
one-sided paired t-tests (TOST) at 5 %: the arms are equivalent where both reject, which is where the mean's 90 %
interval lies within the margin of 0.3 points. The last epoch's weights count.

Each finished job is a row of the file; a run that was cut off goes on with what is missing. Each of the ``--jobs``
processes has one thread. ``--data``, or the environment's ``DISTILLERY_DATA``, is the folder that holds ``mnist``, its
files packed or not.
"""

from __future__ import annotations

import argparse
import gzip
import json
import math
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import torch
from scipy import stats
from timing import facts, table

import kdcore
from kdcore.spec import parse_spec, plan

MARGIN, LEVEL = 0.3, 0.05
ARMS: dict[str, dict[str, Any]] = {
    "live": {
        "augment": {"shift": 2},
        "cache": {"mode": "off"},
        "precision": "float32",
        "memory_format": "contiguous",
    },
    "fast": {"augment": {"shift": 2, "views": 8}, "cache": {"mode": "on", "disk_mb": 0}},
}
"""What differs; the numerics of the fast arm are an option."""
TEACHER, STUDENT = ({"architecture": name, "width": 0.5} for name in ("resnet20", "resnet8"))
VALIDATION = 0.01
"""Of the official training pictures; nothing is chosen by them here."""

Row = dict[str, Any]


def unpacked(root: str | None, folder: Path) -> str:
    """A folder that torchvision's reader takes: MNIST's files, copied as they are or unpacked."""
    raw = None if root is None else Path(root) / "mnist" / "MNIST" / "raw"
    if raw is None or not raw.is_dir():
        sys.exit("no mnist/MNIST/raw: name the folder that holds it with --data or DISTILLERY_DATA")
    to = folder / "MNIST" / "raw"
    to.mkdir(parents=True)
    for file in raw.iterdir():
        packed = file.suffix == ".gz"
        (to / (file.stem if packed else file.name)).write_bytes(
            gzip.decompress(file.read_bytes()) if packed else file.read_bytes()
        )
    return str(folder)


def spec(options: argparse.Namespace, teacher: dict[str, Any], epochs: int, training: dict[str, Any]) -> dict[str, Any]:
    """A job without a student of its own to compare with."""
    splits = {"validation": VALIDATION}
    return {
        "name": "equivalence",
        "dataset": {"name": "mnist", "limit": options.pictures, "splits": splits, "path": options.pictures_folder},
        "teacher": {**TEACHER, **teacher},
        "student": STUDENT,
        "method": "hinton",
        "baseline": False,
        "deliver": ["safetensors"],
        "training": {
            "epochs": epochs,
            "batch_size": 64,
            "optimizer": {"name": "sgd", "lr": 0.05},
            "schedule": {"name": "cosine"},
            "keep": "last",
            "checkpoints": {"every_seconds": 3600},
            **training,
        },
        "resources": {"device": "cpu", "threads": 1},
    }


def run(document: dict[str, Any], workdir: Path) -> dict[str, Any]:
    """The result of a job."""
    torch.set_num_threads(1)
    return dict(kdcore.run(plan(parse_spec(document), allow_paths=True), workdir, lambda record: None).document)


def taught(options: argparse.Namespace, weights: Path) -> None:
    """The teacher, in its file."""
    training = {**ARMS["live"], "seed": 1_000_000}
    document = spec(options, {"train": {"epochs": options.teacher_epochs}}, 1, training)
    with tempfile.TemporaryDirectory() as folder:
        run(document, Path(folder))
        shutil.copyfile(Path(folder) / "runs/teacher/weights.safetensors", weights)


def job(options: argparse.Namespace, weights: Path, seed: int, arm: str) -> Row:
    """One arm of one seed, from spec to result."""
    began = time.perf_counter()
    document = spec(options, {"weights": str(weights)}, options.epochs, {**options.arms[arm], "seed": seed})
    with tempfile.TemporaryDirectory() as folder:
        result = run(document, Path(folder))
    resolved = result["resolved"]
    kept = [one["mode"] for group in resolved["kept_outputs"] for one in group]
    machine = resolved["machine"]
    numerics = {name: machine[name] for name in ("precision", "memory_format")}
    if not numerics.items() <= options.arms[arm].items() or any(m != "off" for m in kept) != (arm == "fast"):
        raise RuntimeError(f"the arm {arm!r} was not run as asked: {machine}, kept: {kept}")
    return {
        "seed": seed,
        "arm": arm,
        "accuracy": accuracy(result, "student"),
        "teacher": accuracy(result, "teacher"),
        **numerics,
        "kept": kept,
        "seconds": round(time.perf_counter() - began, 1),
    }


def accuracy(result: dict[str, Any], network: str) -> float:
    """Of a network on the test pictures, in per cent."""
    return 100 * float(result["models"][network]["accuracy"])


# the test


@dataclass(frozen=True)
class Verdict:
    """What the differences fast - live say, in points of accuracy.

    Attributes:
        interval_90, interval_95: of the mean difference, by Student's t.
        p: the larger of the two one-sided tests' p-values.
        equivalent: whether the mean is within the margin beyond reasonable doubt.
    """

    pairs: int
    mean: float
    deviation: float
    interval_90: tuple[float, float]
    interval_95: tuple[float, float]
    p: float
    equivalent: bool


def verdict(differences: Sequence[float], margin: float = MARGIN) -> Verdict:
    """Two one-sided paired t-tests against ``-margin`` and ``margin``."""
    count = len(differences)
    mean, deviation = statistics.fmean(differences), statistics.stdev(differences)
    error, freedom = max(deviation, 1e-12) / math.sqrt(count), count - 1

    def interval(share: float) -> tuple[float, float]:
        reach = float(stats.t.ppf((1 + share) / 2, freedom)) * error
        return mean - reach, mean + reach

    p = max(float(stats.t.sf((mean + margin) / error, freedom)), float(stats.t.cdf((mean - margin) / error, freedom)))
    return Verdict(count, mean, deviation, interval(0.9), interval(0.95), p, p < LEVEL)


def differences(rows: Sequence[Row]) -> dict[int, float]:
    """fast - live by seed, of the seeds that have both."""
    found = {(row["seed"], row["arm"]): row["accuracy"] for row in rows}
    seeds = sorted({seed for seed, _ in found})
    return {
        seed: found[seed, "fast"] - found[seed, "live"]
        for seed in seeds
        if (seed, "fast") in found and (seed, "live") in found
    }


def said(found: Verdict) -> str:
    """The verdict in a sentence."""
    low, high = found.interval_95
    inner = "({:+.3f} to {:+.3f})".format(*found.interval_90)
    outcome = "met: equivalent" if found.equivalent else "NOT met: not shown to be equivalent"
    return (
        f"fast - live over {found.pairs} pairs: {found.mean:+.3f} points, 90 % interval {inner}, 95 % "
        f"({low:+.3f} to {high:+.3f}), deviation of a pair {found.deviation:.3f}; TOST at {MARGIN} points: "
        f"p = {found.p:.2g}, {outcome}"
    )


# all jobs


def missing(options: argparse.Namespace, rows: Sequence[Row]) -> list[tuple[int, str]]:
    """What is still to be run, both arms of a seed one after the other."""
    done = {(row["seed"], row["arm"]) for row in rows}
    return [(seed, arm) for seed in range(options.seeds) for arm in ARMS if (seed, arm) not in done]


def finished(options: argparse.Namespace, weights: Path, left: Sequence[tuple[int, str]]) -> Iterator[Row]:
    """Rows as they come."""
    with ProcessPoolExecutor(options.jobs, mp_context=get_context("spawn")) as pool:
        asked = [pool.submit(job, options, weights, seed, arm) for seed, arm in left]
        for one in as_completed(asked):
            yield one.result()


def before(options: argparse.Namespace, asked: dict[str, Any]) -> list[Row]:
    """Rows of an earlier run of the same question."""
    if options.json is None or not options.json.exists():
        return []
    document = json.loads(options.json.read_text())
    if document["asked"] != asked:
        sys.exit(f"{options.json} answers another question ({document['asked']}): take another file")
    found: list[Row] = document["rows"]
    return found


def written(options: argparse.Namespace, head: dict[str, Any], rows: Sequence[Row]) -> None:
    """All that is known so far."""
    if options.json is None:
        return
    known = list(differences(rows).values())
    body: dict[str, Any] = {"rows": rows, "differences": differences(rows)}
    body["verdict"] = asdict(verdict(known)) if len(known) > 1 else None
    options.json.write_text(json.dumps({**head, **body}, indent=1) + "\n")


def shown(rows: Sequence[Row]) -> str:
    """A line for each seed, then the means."""
    found = {(row["seed"], row["arm"]): row for row in rows}
    lines = [
        [str(seed), *(f"{found[seed, arm]['accuracy']:.2f}" for arm in ARMS), f"{difference:+.2f}"]
        + [f"{found[seed, arm]['seconds']:.0f}" for arm in ARMS]
        for seed, difference in differences(rows).items()
    ]
    return table(["seed", *ARMS, "fast - live", *(f"s of {arm}" for arm in ARMS)], lines)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=12)
    parser.add_argument("--jobs", type=int, default=2, help="processes, of one thread each")
    parser.add_argument("--pictures", type=int, default=2000)
    parser.add_argument("--epochs", type=int, default=16)
    parser.add_argument("--teacher-epochs", type=int, default=16)
    parser.add_argument(
        "--numerics", metavar="PRECISION,FORMAT", default="bfloat16,channels_last", help="of the fast arm"
    )
    parser.add_argument("--data", default=os.environ.get("DISTILLERY_DATA"), help="folder that holds mnist")
    parser.add_argument("--json", type=Path, help="file for all numbers; written anew after each job")
    options = parser.parse_args()
    numerics = dict(zip(("precision", "memory_format"), options.numerics.split(","), strict=True))
    options.arms = {**ARMS, "fast": {**ARMS["fast"], **numerics}}
    return options


def main() -> None:
    options = arguments()
    asked = {name: getattr(options, name) for name in ("pictures", "epochs", "teacher_epochs")} | {"arms": options.arms}
    head = {"machine": facts("cpu"), "asked": asked, "margin": MARGIN}
    rows = before(options, asked)
    with tempfile.TemporaryDirectory() as folder:
        options.pictures_folder = unpacked(options.data, Path(folder) / "pictures")
        base = Path(folder) / "teacher" if options.json is None else options.json.with_suffix("")
        weights = base.with_name(f"{base.name}-teacher.safetensors").absolute()
        if not weights.exists():
            taught(options, weights)
        for row in finished(options, weights, missing(options, rows)):
            rows = sorted([*rows, row], key=lambda one: (one["seed"], one["arm"]))
            print(json.dumps(row), flush=True)
            written(options, head, rows)
    known = list(differences(rows).values())
    print(f"\n{shown(rows)}\n")
    print(f"teacher: {rows[0]['teacher']:.2f} %")
    if len(known) > 1:
        print(said(verdict(known)))


if __name__ == "__main__":
    main()
