"""``python -m kdcore.study STUDY.yaml --results FILE``: a whole study in this process, with no service.

Every job is a *trial*: it is planned and trained as a job of the service, and ends with the student's scores on the
test split, without files to deliver. Results are written after each; the same command goes on where it stopped.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import shutil
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import yaml
from rich.console import Console

import kdcore
from kdcore.environment import calm
from kdcore.errors import EngineError, Stopped
from kdcore.files import write_json
from kdcore.spec import Plan, Problem, SpecError, parse_spec, plan
from kdcore.spec.brought import NOTHING, Brought, BroughtDataset
from kdcore.spec.cards import DatasetCard
from kdcore.spec.studies.plan import ArmPlan, StudyPlan, job_document, plan_study
from kdcore.spec.studies.spec import StudySpec, parse_study
from kdcore.train.cache import Keep

RESULTS_VERSION = 1
VERSIONS = ("distillery", "torch", "numpy")
WEIGHTS = "weights.safetensors"

Json = dict[str, Any]
console = Console(stderr=True)


def main(arguments: list[str] | None = None) -> int:
    """Run a study; 0 when all trials succeeded, 1 when some failed, 2 when the spec is wrong, 130 when interrupted."""
    parser = argparse.ArgumentParser(prog="python -m kdcore.study", description=__doc__)
    parser.add_argument("study", type=Path, help="study spec, YAML or JSON")
    parser.add_argument("--results", type=Path, required=True, help="JSON file; trials that it has are not run again")
    parser.add_argument("--workdir", type=Path, required=True, help="folder for teachers and kept outputs")
    parser.add_argument("--data", help="folder of the pack, or of a built-in dataset, that the study is about")
    options = parser.parse_args(arguments)
    calm(os.environ)
    try:
        spec = parse_study(_about(yaml.safe_load(options.study.read_text(encoding="utf-8")), options.data))
        _check_kind(spec)
        planned = plan_study(spec, _planner(spec))
    except (SpecError, OSError, yaml.YAMLError) as error:
        for line in _lines(error):
            console.print(f"[red]{options.study}[/] {line}")
        return 2
    study = Study(spec, planned, options.results, options.workdir)
    try:
        study.run()
    except (Stopped, KeyboardInterrupt):
        console.print(f"interrupted; the same command goes on from {options.results}")
        return 130
    return 1 if study.failed else 0


def _lines(error: Exception) -> list[str]:
    """Every fault of a spec in a line of its own."""
    if not isinstance(error, SpecError):
        return [str(error)]
    return [f"{problem.pointer or '/'}: {problem.message}" for problem in error.problems]


def _about(data: Any, folder: str | None) -> Json:
    """The study spec, about the dataset in ``folder``: a pack takes the place of an id."""
    written: Json = data if isinstance(data, dict) else {}
    asked = (written.get("base") or {}).get("dataset")
    if folder is None or not isinstance(asked, dict):
        return written
    about = {name: value for name, value in asked.items() if name not in ("id", "version")} | {"path": folder}
    return {**written, "base": {**written["base"], "dataset": about}}


def _check_kind(spec: StudySpec) -> None:
    """Refuse what is not known before it begins.

    Raises:
        SpecError: the study searches.
    """
    if spec.search is not None:
        message = "a search runs in the service (distill study submit): write its values as a grid to run it here"
        raise SpecError([Problem(pointer="/search", code="needs_service", message=message)])


def _planner(spec: StudySpec) -> Callable[[Json], Plan]:
    dataset = spec.base.get("dataset") or {}
    brought = NOTHING
    if "path" in dataset and "name" not in dataset:
        folder = Path(dataset["path"]).resolve()
        card = DatasetCard.model_validate_json((folder / "dataset.json").read_bytes())
        brought = Brought(datasets={dataset["path"]: BroughtDataset(card, folder=str(folder))})
    return lambda document: plan(parse_spec(document), allow_paths=True, brought=brought)


@dataclass
class Clock:
    """Seconds of wall and of processor that each run of a trial took, from the records that it reports."""

    wall: dict[str, float] = field(default_factory=dict)
    processor: dict[str, float] = field(default_factory=dict)
    _now: str = "prepare"
    _since: tuple[float, float] = field(default_factory=lambda: (time.monotonic(), time.process_time()))

    def __call__(self, record: Mapping[str, Any]) -> None:
        """Take a record of the trial."""
        if record["type"] == "phase":
            self.turn(record["run"] or record["phase"])

    def turn(self, to: str) -> None:
        """What was going on has ended, and ``to`` begins."""
        now = (time.monotonic(), time.process_time())
        for clock, seconds, began in zip((self.wall, self.processor), now, self._since, strict=True):
            clock[self._now] = round(clock.get(self._now, 0.0) + seconds - began, 3)
        self._now, self._since = to, now


@dataclass
class Study:
    """A study and what has become of it.

    Attributes:
        results: the file of results, read at the beginning and written after each trial.
        failed: how many trials have failed in this process.
    """

    spec: StudySpec
    plan: StudyPlan
    results: Path
    workdir: Path
    failed: int = 0

    def run(self) -> None:
        """Every trial that is not there yet: seed by seed, so that whatever is finished can be compared."""
        self.workdir.mkdir(parents=True, exist_ok=True)
        self.known = self._known()
        self._write()
        for seed in self.plan.seeds:
            for arm in self.plan.arms:
                self._arm(arm, seed)

    def _known(self) -> dict[str, Json]:
        """What succeeded before and is still asked for, by key."""
        if not self.results.exists():
            return {}
        found = json.loads(self.results.read_text(encoding="utf-8"))
        asked = {_key(*self._asked(arm, seed)) for arm in self.plan.arms for seed in self.plan.seeds}
        asked |= {_key({"teacher": one.name}, one.spec) for one in self.plan.teachers}
        rows = [*found["teachers"], *found["runs"]]
        return {row["key"]: row for row in rows if row["key"] in asked and row["status"] == "succeeded"}

    def _asked(self, arm: ArmPlan, seed: int) -> tuple[Json, Json]:
        """Which trial it is, and its job spec."""
        document = job_document(arm.spec, name=f"{self.plan.name}: {arm.name}"[:120])
        return {"arm": arm.name, "seed": seed}, {**document, "training": {**document.get("training", {}), "seed": seed}}

    def _arm(self, arm: ArmPlan, seed: int) -> None:
        place, document = self._asked(arm, seed)
        key = _key(place, document)
        if key in self.known:
            return
        if arm.teacher is not None:
            weights = self._teacher(arm.teacher)
            asked = {name: value for name, value in document["teacher"].items() if name != "train"}
            document = {**document, "teacher": {**asked, "weights": str(weights)}}
        self._trial(key, place, document)

    def _teacher(self, name: str) -> Path:
        """Weights of a shared teacher, trained now where they are not there."""
        spec = next(one.spec for one in self.plan.teachers if one.name == name)
        key = _key({"teacher": name}, spec)
        path = self.workdir / f"teacher-{key}.safetensors"
        if not path.exists():
            self._trial(key, {"teacher": name}, spec, keep=path)
        return path.resolve()

    def _trial(self, key: str, place: Json, document: Json, keep: Path | None = None) -> None:
        """Run one job, and write what it came to; ``keep`` is where the weights of its student go."""
        clock, folder = Clock(), self.workdir / "trial"
        shutil.rmtree(folder, ignore_errors=True)
        row: Json = {"key": key, **place}
        try:
            planned = _planner(self.spec)(document)
            found = kdcore.run(planned, folder, clock, keep=Keep(self.workdir / "kept"), trial=True).document
            row |= {"status": "succeeded", **found}
            if keep is not None:
                (folder / "runs" / planned.runs[-1].name / WEIGHTS).rename(keep)
        except (EngineError, SpecError) as error:
            self.failed += 1
            row |= {"status": "failed", "error": str(error)}
        clock.turn("end")
        self.known[key] = _rounded(row | {"seconds": clock.wall, "processor_seconds": clock.processor})
        self._write()
        self._say(place, row, clock)

    def _say(self, place: Json, row: Json, clock: Clock) -> None:
        where = ", ".join(f"{name} {value}" for name, value in place.items())
        what = f"{self.plan.metric.name} {row['score']:.4f}" if row["status"] == "succeeded" else row["error"]
        console.print(f"{where}: {what} ({sum(clock.processor.values()):.1f} s)")

    def _write(self) -> None:
        rows = list(self.known.values())
        document = {
            "schema_version": RESULTS_VERSION,
            "study": _without_path(self.spec.model_dump(mode="json", exclude_unset=True)),
            "metric": self.plan.metric.model_dump(mode="json"),
            "reference": self.plan.reference,
            "arms": [_told(arm) for arm in self.plan.arms],
            "environment": _environment(),
            "teachers": [row for row in rows if "teacher" in row],
            "runs": [row for row in rows if "arm" in row],
        }
        self.results.parent.mkdir(parents=True, exist_ok=True)
        write_json(self.results, document)


def _told(arm: ArmPlan) -> Json:
    return arm.model_dump(
        mode="json", include={"name", "changes", "method", "student", "teacher", "apart", "parameters"}
    )


def _key(place: Mapping[str, Any], document: Mapping[str, Any]) -> str:
    """Of a trial: what is asked, but for where its data lies."""
    asked = {**place, "spec": {**document, "dataset": _portable(document["dataset"])}}
    return hashlib.sha256(json.dumps(asked, sort_keys=True, default=str).encode()).hexdigest()[:16]


def _portable(dataset: Mapping[str, Any]) -> Json:
    """A dataset by its name: a pack by that of its folder."""
    told = {name: value for name, value in dataset.items() if name != "path"}
    return told if "path" not in dataset or "name" in told else {"id": Path(dataset["path"]).name, **told}


def _without_path(study: Json) -> Json:
    return {**study, "base": {**study["base"], "dataset": _portable(study["base"]["dataset"])}}


def _rounded(value: Any) -> Any:
    """Every fraction with six places, as many as a page can need."""
    if isinstance(value, float):
        return round(value, 6)
    if isinstance(value, Mapping):
        return {name: _rounded(part) for name, part in value.items()}
    return [_rounded(part) for part in value] if isinstance(value, list) else value


def _environment() -> Json:
    return {
        "machine": platform.machine(),
        "processors": os.cpu_count(),
        "versions": {name: version(name) for name in VERSIONS},
    }


if __name__ == "__main__":
    sys.exit(main())
