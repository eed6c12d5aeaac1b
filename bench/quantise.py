"""Quantisation-aware distillation on the digits demo: the student in float and in int8, with it and without.

``python bench/quantise.py --seeds 0 1 2``: for each seed a job as `distillery/examples/digits-fitnet.yaml` asks for it
and one with ``training.quantise``, in the same epochs; int8 files by the export of every job, all on the test split.
"""

from __future__ import annotations

import argparse
import contextlib
import statistics
import tempfile
from collections.abc import Iterator
from pathlib import Path

import torch
import yaml

import kdcore
from kdcore.export import export_int8, export_onnx
from kdcore.export.verification import file_answers
from kdcore.prepare import open_workshop
from kdcore.proof.exporting import calibration
from kdcore.spec import parse_spec, plan

DEMO = Path(__file__).parents[1] / "distillery" / "examples" / "digits-fitnet.yaml"
NAMES = {"onnx": "float", "onnx-int8": "int8"}


def main() -> None:
    """Print a row for each seed and the means."""
    options = _options()
    rows = [_row(seed, options) for seed in options.seeds]
    names = list(rows[0])
    print(f"| seed | {' | '.join(names)} |\n|{'---|' * (len(names) + 1)}")
    for seed, row in zip(options.seeds, rows, strict=True):
        print(f"| {seed} | {' | '.join(f'{100 * row[name]:.1f}' for name in names)} |")
    print(f"| mean | {' | '.join(f'{100 * statistics.mean(row[name] for row in rows):.1f}' for name in names)} |")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--share", type=float, default=0.2, help="training.quantise.share")
    parser.add_argument("--rate", type=float, default=0.1, help="training.quantise.learning_rate_scale")
    parser.add_argument("--architecture", default="resnet8")
    parser.add_argument("--width", type=float, default=0.5)
    parser.add_argument("--epochs", type=int, default=40)
    return parser.parse_args()


def _row(seed: int, options: argparse.Namespace) -> dict[str, float]:
    quantise = {"share": options.share, "learning_rate_scale": options.rate}
    found: dict[str, float] = {}
    for name, asked in (("without", None), ("with", quantise)):
        found |= {f"{kind}, {name}": value for kind, value in _scores(seed, asked, options)}
    return found


def _scores(seed: int, quantise: dict[str, float] | None, options: argparse.Namespace) -> Iterator[tuple[str, float]]:
    spec = yaml.safe_load(DEMO.read_text())
    spec |= {"baseline": False, "deliver": ["safetensors", "onnx-int8"], "resources": {"threads": 1}}
    spec["student"] |= {"architecture": options.architecture, "width": options.width}
    spec["training"] |= {"epochs": options.epochs, "seed": seed, "quantise": quantise}
    asked = plan(parse_spec(spec))
    with tempfile.TemporaryDirectory() as folder:
        with contextlib.suppress(kdcore.Stopped):  # nothing behind the training is needed
            kdcore.run(asked, folder, lambda record: None, stop=lambda: _trained(Path(folder)))
        workshop = open_workshop(asked, None)
        student = workshop.delivered(Path(folder)).eval()
        test = workshop.data.open_test()
        inputs = workshop.normalise(test.inputs)
        export_onnx(student, asked.dataset.input_shape, plain := Path(folder, "student.onnx"))
        export_int8(plain, rounded := Path(folder, "student.int8.onnx"), calibration(workshop))
        for kind, file in (("onnx", plain), ("onnx-int8", rounded)):
            answers = torch.from_numpy(file_answers(file, kind, inputs))
            yield NAMES[kind], float((answers.argmax(1) == test.targets).double().mean())


def _trained(folder: Path) -> str | None:
    return "trained" if (folder / "runs" / "distil" / "weights.safetensors").exists() else None


if __name__ == "__main__":
    main()
