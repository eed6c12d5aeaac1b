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
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

import kdcore
from kdcore.environment import calm
from kdcore.spec import SpecError, parse_spec, plan

console = Console(stderr=True)
calm(os.environ)


class View:
    """Records shown as one progress bar with the phases above it."""

    def __init__(self, progress: Progress) -> None:
        self.progress = progress
        self.task = progress.add_task("prepare", total=100.0)

    def __call__(self, record: dict[str, Any]) -> None:
        match record["type"]:
            case "phase":
                self.progress.console.print(f"[bold]{record['phase']}[/] {record['run'] or ''}")
            case "progress":
                text = f"{record['run']} {record['stage']} epoch {record['epoch']}/{record['epochs']}"
                self.progress.update(self.task, completed=record["percent"], description=text)
            case "metrics" if "accuracy" in record["values"]:
                values = record["values"]
                line = f"  {record['run']} epoch {record['epoch']:g}: accuracy {values['accuracy']:.1%}"
                self.progress.console.print(f"{line}, loss {values['loss']:.4f} (validation)")
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
        planned = plan(parse_spec(_read(options.spec)), allow_paths=True)
    except (SpecError, OSError, yaml.YAMLError) as error:
        _complain(error, options.spec)
        return 2
    if options.plan_only:
        print(json.dumps(planned.document(), indent=2))
        return 0
    return _run(planned, options.workdir, options.keep)


def _read(path: Path) -> Any:
    data = yaml.safe_load(path.read_text(encoding="utf-8"))
    return data if isinstance(data, dict) else {}


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
                View(progress),
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
