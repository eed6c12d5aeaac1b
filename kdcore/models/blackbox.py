"""Networks of which nothing is known but what they say: an ONNX graph that onnxruntime runs on the CPU."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import onnxruntime
import torch
from torch import Tensor, nn

SMALLEST = 1e-8
"""Probability that none at all is taken for, so that its logarithm is a number."""
BATCH = 64
"""Examples of one run, where the graph takes any number."""

Says = Literal["logits", "probabilities", "values"]


class BlackBoxError(ValueError):
    """A graph that onnxruntime does not load, or does not run on what it is given."""


class OnnxNetwork(nn.Module):
    """``inputs -> logits`` by an ONNX graph, without gradients.

    ``file_sha256`` is a buffer, so that two files never have one fingerprint.

    Args:
        path: of the graph.
        output: name of the output that is taken.
        says: ``probabilities`` become logits by their logarithm, or by their log odds where there are several labels.
        multilabel: whether each output is a label of its own.
        batch: examples that the graph takes at once; None for any number.
        channels_last: whether its pictures are [B, H, W, C].
        scale: mean and standard deviation of target values, which become what networks learn.
        seconds: that one run may take.

    Raises:
        BlackBoxError: onnxruntime does not load it.
    """

    file_sha256: Tensor

    def __init__(
        self,
        path: Path,
        *,
        output: str,
        says: Says = "logits",
        multilabel: bool = False,
        batch: int | None = None,
        channels_last: bool = False,
        scale: tuple[tuple[float, ...], tuple[float, ...]] | None = None,
        seconds: float | None = None,
    ) -> None:
        super().__init__()
        self.output, self.says, self.multilabel = output, says, multilabel
        self.batch, self.channels_last, self.scale, self.seconds = batch, channels_last, scale, seconds
        self.session = session_of(path)
        self.input = self.session.get_inputs()[0]
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").digest()
        self.register_buffer("file_sha256", torch.frombuffer(bytearray(digest), dtype=torch.uint8))

    @torch.compiler.disable  # type: ignore[untyped-decorator]  # torch leaves it untyped
    @torch.no_grad()
    def forward(self, inputs: Tensor) -> Tensor:
        """Logits (or values) float32 on the inputs' device, for inputs [B, ...].

        Raises:
            BlackBoxError: onnxruntime does not run it on these.
        """
        rows = inputs.movedim(1, -1) if self.channels_last else inputs
        array = rows.detach().cpu().contiguous().numpy().astype(_DTYPES[self.input.type])
        size = self.batch or BATCH
        parts = [self._run(array[start : start + size]) for start in range(0, len(array), size)]
        said = torch.from_numpy(np.concatenate(parts)).float().to(inputs.device)
        return self._logits(said)

    def _run(self, rows: Any) -> Any:
        """One run; a graph of a fixed batch gets its last example again and again, and only the real ones count."""
        count, wanted = len(rows), self.batch or len(rows)
        padded = rows if count == wanted else np.concatenate([rows, np.repeat(rows[-1:], wanted - count, 0)])
        options = onnxruntime.RunOptions()
        alarm = threading.Timer(self.seconds, lambda: setattr(options, "terminate", True)) if self.seconds else None
        if alarm is not None:
            alarm.daemon = True
            alarm.start()
        try:
            found = np.asarray(self.session.run([self.output], {self.input.name: padded}, options)[0])
        except Exception as error:  # onnxruntime's own classes share no base
            raise BlackBoxError(_first(error)) from None
        finally:
            if alarm is not None:
                alarm.cancel()
        if found.ndim == 0 or len(found) != wanted:
            raise BlackBoxError(f"output {self.output!r} has shape {list(found.shape)} for {wanted} examples")
        return (found[:, None] if found.ndim == 1 else found)[:count]

    def _logits(self, said: Tensor) -> Tensor:
        if self.scale is not None:
            mean, std = self.scale
            return (said - said.new_tensor(mean)) / said.new_tensor(std)
        if self.says != "probabilities":
            return said
        shares = said.clamp(SMALLEST, 1 - SMALLEST if self.multilabel else 1.0)
        return shares.logit() if self.multilabel else shares.log()


_DTYPES: dict[str, Any] = {
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
    "tensor(double)": np.float64,
    "tensor(uint8)": np.uint8,
    "tensor(int32)": np.int32,
    "tensor(int64)": np.int64,
}
DTYPES: Sequence[str] = tuple(_DTYPES)
"""Types of input that are understood."""


def session_of(path: Path) -> onnxruntime.InferenceSession:
    """onnxruntime on the CPU, with torch's number of threads and nothing registered beyond its own operators.

    Raises:
        BlackBoxError: it does not load the file.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.inter_op_num_threads = 1
    options.log_severity_level = 4
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's own classes share no base
        raise BlackBoxError(_first(error)) from None


def _first(error: BaseException) -> str:
    text = str(error).strip()
    return text.splitlines()[0][:300] if text else type(error).__name__
