"""``python -m kdcore SPEC.yaml --workdir DIR``: one job on this machine, with no service."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

import kdcore
from kdcore.environment import calm
from kdcore.spec import JobSpec, SpecError, parse_spec, plan
from kdcore.spec.brought import NOTHING, Brought, BroughtDataset, BroughtModel
from kdcore.spec.cards import DatasetCard, ModelCard
from kdcore.spec.tasks import TaskInfo

console = Console(stderr=True)
calm(os.environ)


class View:
    """Records shown as one progress bar with the phases above it."""

    def __init__(self, progress: Progress, task: TaskInfo) -> None:
        self.progress, self.metrics = progress, {metric.name for metric in task.metrics[:2]}
        self.task = progress.add_task("prepare", total=100.0)

    def __call__(self, record: dict[str, Any]) -> None:
        match record["type"]:
            case "phase":
                self.progress.console.print(f"[bold]{record['phase']}[/] {record['run'] or ''}")
            case "progress":
                text = f"{record['run']} {record['stage']} epoch {record['epoch']}/{record['epochs']}"
                self.progress.update(self.task, completed=record["percent"], description=text)
            case "metrics" if record["split"] == "validation":
                values = record["values"]
                figures = [f"{name} {value:.4g}" for name, value in values.items() if name in self.metrics]
                line = ", ".join([*figures, f"loss {values['loss']:.4g}"])
                self.progress.console.print(f"  {record['run']} epoch {record['epoch']:g}: {line} (validation)")
            case "log":
                self.progress.console.print(record["message"])


def main(arguments: list[str] | None = None) -> int:
    """Run a spec; 0 when it succeeded, 1 when the job failed, 2 when the spec is wrong, 130 when interrupted."""
    parser = argparse.ArgumentParser(prog="python -m kdcore", description=__doc__)
    parser.add_argument("spec", type=Path, help="job spec, YAML or JSON")
    parser.add_argument("--workdir", type=Path, required=True, help="folder of this job; an earlier run is resumed")
    parser.add_argument(
        "--keep", type=Path, help="folder of kept teacher outputs that jobs share; default in --workdir"
    )
    parser.add_argument("--plan-only", action="store_true", help="print the plan and stop")
    options = parser.parse_args(arguments)
    try:
        spec = parse_spec(_read(options.spec))
        planned = plan(spec, allow_paths=True, brought=_brought(spec))
    except (SpecError, OSError, yaml.YAMLError, ValidationError) as error:
        _complain(error, options.spec)
        return 2
    if options.plan_only:
        print(json.dumps(planned.document(), indent=2))
        return 0
    return _run(planned, options.workdir, options.keep)


def _read(path: Path) -> Any:
    data = yaml.safe_load(path.read_text(encoding="utf-8"))
    return data if isinstance(data, dict) else {}


def _brought(spec: JobSpec) -> Brought:
    """The cards of the pack and the models that a spec names by their folders."""
    asked = spec.dataset
    datasets, models = {}, {}
    if asked.key is not None and asked.path is not None:
        folder = Path(asked.path).resolve()
        card = DatasetCard.model_validate_json((folder / "dataset.json").read_bytes())
        datasets[asked.path] = BroughtDataset(card, folder=str(folder))
    for ref in (None if spec.teacher is None else spec.teacher.model, spec.student.init):
        if ref is not None and ref.path is not None:
            folder = Path(ref.path).resolve()
            model = ModelCard.model_validate_json((folder / "model.json").read_bytes())
            models[ref.key] = BroughtModel(model, folder=str(folder))
    return Brought(datasets, models) if datasets or models else NOTHING


def _complain(error: Exception, path: Path) -> None:
    problems = error.problems if isinstance(error, SpecError) else []
    for problem in problems:
        console.print(f"[red]{path}[/] {problem.pointer or '/'}: {problem.message}")
    if not problems:
        console.print(f"[red]{path}[/]: {error}")


def _run(planned: Any, workdir: Path, keep: Path | None) -> int:
    from kdcore.train.cache import Keep  # torch, which a plan does without

    asked: list[str] = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: asked.append("interrupted"))
    for warning in planned.warnings:
        console.print(f"[yellow]warning[/] {warning.pointer}: {warning.message}")
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    try:
        with Progress(*columns, console=console) as progress:
            result = kdcore.run(
                planned,
                workdir,
                View(progress, planned.dataset.info),
                stop=lambda: asked[0] if asked else None,
                keep=None if keep is None else Keep(keep),
            )
    except kdcore.Stopped:
        console.print(f"stopped; the same command goes on from the checkpoint in {workdir}")
        return 130
    except kdcore.EngineError as error:
        console.print(f"[red]{error.code}[/] {error}")
        return 1
    console.print(result.document["verdict"]["text"])
    console.print(f"results in {result.artifacts}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
