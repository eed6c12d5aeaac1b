"""An ONNX file becomes a black-box teacher: looked at, tried on made-up inputs within limits, never looked into."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from kdcore.bring.caps import Caps
from kdcore.bring.models.files import chosen, memory_at_most, refused, seal
from kdcore.bring.models.graph import parameters_of, read_graph
from kdcore.bring.models.weights import described
from kdcore.errors import EngineError
from kdcore.models.blackbox import DTYPES, BlackBoxError, OnnxNetwork, Says, session_of
from kdcore.seeds import generator
from kdcore.spec.bringing.models import OnnxModel
from kdcore.spec.cards import InputCard, ModelCard
from kdcore.spec.tasks import InputKind, TaskName

MODEL = "model.onnx"
TRIALS = 3
TRIAL_SECONDS = 60.0
TRIAL_BYTES = 2**32
"""What a few examples may take beside four times the file."""
OFF_BY = 1e-3
"""How far the sum of a row of probabilities may be from one."""
RANKS: dict[TaskName, int] = {
    "classification": 2, "multilabel": 2, "regression": 2, "segmentation": 4, "generation": 3, "detection": 3,
}  # fmt: skip
"""Dimensions of the answer, with the batch."""


def bring_onnx(source: Path, options: OnnxModel, out: Path, caps: Caps) -> ModelCard:
    """Copy the file as ``model.onnx`` once it has answered, and write the card.

    Raises:
        EngineError: ``invalid_data``: weights outside, other operators, untrue sizes, or inputs and outputs of the
            wrong number, type or rank.
    """
    path = chosen(source, options.file, {".onnx"}, caps)
    graph = read_graph(path, caps)
    parameters = parameters_of(graph)
    del graph
    trial = _Trial(path, options)
    with memory_at_most(4 * path.stat().st_size + TRIAL_BYTES):
        found = trial.run()
    out.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(path, out / MODEL)
    return seal(
        out,
        {
            "name": options.name,
            "kind": "onnx",
            "num_outputs": found["outputs"],
            "parameters": parameters,
            "options": found["asked"],
            "report": {"file": path.name, "steps": found["steps"]},
            **described(options, found["outputs"]),
            "input": trial.input,
        },
    )


class _Trial:
    """A few made-up examples through the graph."""

    def __init__(self, path: Path, options: OnnxModel) -> None:
        self.path, self.options = path, options
        self.input = options.input

    def run(self) -> dict[str, Any]:
        try:
            session = session_of(self.path)
            shape, kind = self._input(session)
            output = self._output(session)
            channels_last, example = self._fitted(shape, kind)
            batch = shape[0] if isinstance(shape[0], int) else None
            asked: dict[str, Any] = {"output": output, "batch": batch, "channels_last": channels_last}
            network = OnnxNetwork(self.path, **asked, seconds=TRIAL_SECONDS)
            said = network(example)
            if not torch.equal(said, network(example)):
                raise refused(self.path.name, "says something else each time it is asked")
        except (BlackBoxError, MemoryError) as error:
            text = str(error) or "no memory"
            raise refused(self.path.name, f"cannot be run within the limits ({text})") from None
        self._check_rank(said, output)
        says = self._says(said)
        steps = [f"input {self._sides(shape)} of {kind}, output {output!r} with {said.shape[1]} {says}"]
        return {"outputs": int(said.shape[1]), "asked": {**asked, "says": says}, "steps": steps}

    def _input(self, session: Any) -> tuple[list[Any], str]:
        inputs = session.get_inputs()
        if len(inputs) != 1:
            names = ", ".join(one.name for one in inputs[:5])
            raise refused(self.path.name, f"takes {len(inputs)} inputs ({names}): a teacher gets one tensor")
        if inputs[0].type not in DTYPES:
            raise refused(self.path.name, f"takes {inputs[0].type}; understood are {', '.join(DTYPES)}")
        shape = list(inputs[0].shape)
        if not 2 <= len(shape) <= 4:
            message = f"its input has {len(shape)} dimensions; a batch of pictures has 4, of series 3, of rows 2"
            raise refused(self.path.name, message)
        return shape, inputs[0].type

    def _output(self, session: Any) -> str:
        names = [one.name for one in session.get_outputs()]
        if self.options.output is not None:
            if self.options.output not in names:
                message = f"no output {self.options.output!r}; outputs: {', '.join(names[:10])}"
                raise EngineError("invalid_data", message, "/output")
            return self.options.output
        if len(names) != 1:
            message = f"{self.path.name} has {len(names)} outputs: name one of {', '.join(names[:10])}"
            raise EngineError("invalid_data", message, "/output")
        return str(names[0])

    def _fitted(self, shape: Sequence[Any], kind: str) -> tuple[bool, Tensor]:
        """Whether channels come last, and examples of the input that is stated, or that the graph states."""
        sides = list(shape[1:])
        if self.input is None:
            if not all(isinstance(side, int) for side in sides):
                message = f"its input is {self._sides(shape)}: say what it takes, as input: {{kind: ..., shape: [...]}}"
                raise EngineError("invalid_data", message, "/input")
            self.input = InputCard(kind=_kind(sides, kind), shape=tuple(sides), vocabulary=None)
        stated = list(self.input.shape)
        if _agree(sides, stated):
            return False, self._examples(shape, stated, kind)
        if len(stated) == 3 and _agree(sides, [*stated[1:], stated[0]]):
            return True, self._examples(shape, stated, kind)
        message = f"its input is {self._sides(shape)}, and {stated} was stated"
        raise EngineError("invalid_data", message, "/input")

    def _examples(self, shape: Sequence[Any], sides: Sequence[int], kind: str) -> Tensor:
        """Random numbers of the input's kind; as many examples as do not fill a fixed batch, too."""
        count = TRIALS if not isinstance(shape[0], int) else shape[0] + 1
        draw = generator(0, "trial")
        if self.input is not None and self.input.kind == "tokens":
            return torch.randint(0, self.input.vocabulary or 2, (count, *sides), generator=draw)
        normal = torch.randn((count, *sides), generator=draw)
        return normal if "float" in kind or "double" in kind else (normal * 40 + 128).clamp(0, 255).round()

    def _sides(self, shape: Sequence[Any]) -> str:
        return "[" + ", ".join(str(side) if isinstance(side, int) else "?" for side in shape) + "]"

    def _check_rank(self, said: Tensor, output: str) -> None:
        wanted = RANKS[self.options.task]
        if said.ndim != wanted:
            message = f"output {output!r} has shape {list(said.shape)}; {self.options.task} needs {wanted} dimensions"
            raise refused(self.path.name, message)
        if not bool(said.isfinite().all()):
            raise refused(self.path.name, f"output {output!r} is NaN or infinite on ordinary inputs")

    def _says(self, said: Tensor) -> Says:
        if self.options.task not in {"classification", "multilabel"}:
            return "values"
        if self.options.says != "auto":
            return self.options.says
        shares = bool(((said >= 0) & (said <= 1)).all())
        whole = self.options.task == "multilabel" or bool(((said.sum(1) - 1).abs() < OFF_BY).all())
        return "probabilities" if shares and whole else "logits"


def _agree(graph: Sequence[Any], stated: Sequence[int]) -> bool:
    return len(graph) == len(stated) and all(
        not isinstance(a, int) or a == b for a, b in zip(graph, stated, strict=True)
    )


def _kind(sides: Sequence[int], dtype: str) -> InputKind:
    kinds: dict[int, InputKind] = {3: "image", 2: "series", 1: "tokens" if "int" in dtype else "table"}
    return kinds[len(sides)]


__all__ = ["MODEL", "bring_onnx"]
