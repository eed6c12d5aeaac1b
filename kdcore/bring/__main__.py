"""``python -m kdcore.bring OPTIONS.yaml SOURCE --out FOLDER``: a dataset or a model brought here, with no service."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from pathlib import Path
from typing import Any

import yaml
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from kdcore.bring import Caps, dataset
from kdcore.bring.models import model
from kdcore.bring.models.files import CARD as MODEL_CARD
from kdcore.data.pack import REPORT
from kdcore.environment import calm
from kdcore.errors import EngineError, Stopped
from kdcore.spec import SpecError
from kdcore.spec.bringing import Bringing, parse_bringing
from kdcore.spec.bringing.models import MODEL_FORMATS, BringingModel, parse_model
from kdcore.spec.cards import DatasetCard, ModelCard

console = Console(stderr=True)
calm(os.environ)


class View:
    """Records shown as one progress bar."""

    def __init__(self, progress: Progress) -> None:
        self.progress = progress
        self.task = progress.add_task("unpack", total=100.0)

    def __call__(self, record: dict[str, Any]) -> None:
        if record["type"] == "progress":
            self.progress.update(self.task, completed=record["percent"], description=record["phase"])


def main(arguments: list[str] | None = None) -> int:
    """Bring a dataset or a model; 0 when it is ready, 1 when refused, 2 for wrong options, 130 when interrupted."""
    parser = argparse.ArgumentParser(prog="python -m kdcore.bring", description=__doc__)
    parser.add_argument("options", type=Path, help="format, name and options of the dataset or model, YAML or JSON")
    parser.add_argument("source", type=Path, help="a file, or a folder of files")
    parser.add_argument("--out", type=Path, required=True, help="folder of the pack or the model, which is made")
    chosen = parser.parse_args(arguments)
    try:
        data = yaml.safe_load(chosen.options.read_text(encoding="utf-8"))
        options = _parsed(data if isinstance(data, dict) else {})
    except (OSError, ValueError, yaml.YAMLError) as error:
        _complain(error, chosen.options)
        return 2
    return _bring(chosen.source, options, chosen.out)


def _parsed(data: dict[str, Any]) -> Bringing | BringingModel:
    return parse_model(data) if data.get("format") in MODEL_FORMATS else parse_bringing(data)


def _complain(error: Exception, path: Path) -> None:
    problems = error.problems if isinstance(error, SpecError) else []
    for problem in problems:
        console.print(f"[red]{path}[/] {problem.pointer or '/'}: {problem.message}")
    if not problems:
        console.print(f"[red]{path}[/]: {error}")


def _bring(source: Path, options: Bringing | BringingModel, out: Path) -> int:
    asked: list[str] = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: asked.append("interrupted"))
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    try:
        with Progress(*columns, console=console) as progress:
            view = View(progress)
            shared: dict[str, Any] = {"report": view, "stop": lambda: asked[0] if asked else None, "caps": Caps()}
            if isinstance(options, BringingModel):
                found = model(source, options, out, **shared)
            else:
                card = dataset(source, options, out, **shared)
    except Stopped:
        console.print("stopped; the same command begins anew")
        return 130
    except EngineError as error:
        console.print(f"[red]{error.code}[/] {error}")
        return 1
    _show_model(found, out) if isinstance(options, BringingModel) else _show(card, out)
    return 0


def _show(card: DatasetCard, out: Path) -> None:
    counts = ", ".join(f"{name} {split.count}" for name, split in card.splits.items())
    shape = " x ".join(map(str, card.input.shape))
    console.print(f"{card.name}: {card.task}, {len(card.target.classes)} classes, {card.input.kind} {shape}; {counts}")
    console.print(f"pack in {out}, what was found in {out / REPORT}")


def _show_model(card: ModelCard, out: Path) -> None:
    for step in card.report.get("steps", ()):
        console.print(f"  {step}", markup=False)
    size = "" if card.parameters is None else f", {card.parameters:,} parameters"
    console.print(f"{card.name}: {card.architecture or card.kind}, {card.num_outputs} outputs{size}", markup=False)
    console.print(f"model in {out}, what was found in {out / MODEL_CARD}", markup=False)


if __name__ == "__main__":
    sys.exit(main())
