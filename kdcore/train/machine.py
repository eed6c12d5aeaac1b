"""What only the machine knows: device, threads, numerics; decided once, pinned, and the same in every run of a job."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from kdcore.errors import EngineError
from kdcore.spec.job import JobSpec
from kdcore.train.compiling import missing
from kdcore.train.narrow import contiguous_where_narrow


@dataclass(frozen=True)
class Machine:
    """Where a job's arithmetic runs; two equal machines give equal bits.

    Attributes:
        device: ``cpu`` or ``cuda``.
        device_name: as the driver or the platform calls it.
        threads: of the CPU's operators in each process; what ``prepare`` measures unless the spec says it.
        precision: ``float32`` or ``bfloat16``, of the forward passes.
        torch: version.
        memory_format: ``contiguous`` or ``channels_last``, of pictures and networks while they train.
        folded: whether frozen networks speak with their BatchNorm folded into the convolutions.
        compiled: whether networks run as compiled code in training steps.
    """

    device: str
    device_name: str
    threads: int
    precision: str
    torch: str
    memory_format: str = "contiguous"
    folded: bool = True
    compiled: bool = False

    @classmethod
    def of_this(cls, spec: JobSpec) -> Machine:
        """This machine, as far as ``spec`` lets it choose.

        Raises:
            EngineError: ``device_missing`` when a GPU is asked for and there is none, or a compiler.
        """
        has_gpu = torch.cuda.is_available()
        asked = spec.resources.device
        if asked == "cuda" and not has_gpu:
            message = "a GPU was asked for and this machine has none that PyTorch can use: take device: auto or cpu"
            raise EngineError("device_missing", message, "/resources/device")
        device = "cuda" if has_gpu and asked != "cpu" else "cpu"
        name = torch.cuda.get_device_name() if device == "cuda" else platform.processor() or platform.machine()
        training = spec.training
        precision = "float32" if training.precision == "auto" else training.precision
        memory_format = "contiguous" if training.memory_format == "auto" else training.memory_format
        threads = max(1, (spec.resources.threads or torch.get_num_threads()) // spec.resources.processes)
        if training.compile == "on" and (lacking := missing(device)) is not None:
            message = f"compile: on was asked for and this machine lacks {lacking}: install it, or take compile: auto"
            raise EngineError("device_missing", message, "/training/compile")
        return cls(device, name, threads, precision, torch.__version__, memory_format, training.fold)

    def pinned(self) -> dict[str, Any]:
        """JSON-ready."""
        return asdict(self)

    def as_pinned(self, pinned: dict[str, Any]) -> Machine:
        """This machine with the threads and the numerics of the attempt before; not compiled where it cannot be.

        Raises:
            EngineError: ``device_missing`` when the attempt before ran on a GPU and there is none here.
        """
        if pinned["device"] == "cuda" and not torch.cuda.is_available():
            message = "the checkpoint comes from a GPU and this machine has none: resume on a worker with a GPU"
            raise EngineError("device_missing", message, "/resources/device")
        found = Machine(**{**pinned, "device_name": self.device_name, "torch": torch.__version__})
        return replace(found, compiled=found.compiled and missing(found.device) is None)

    def laid_out(self, images: Tensor) -> Tensor:
        """Pictures in the machine's memory format."""
        if self.memory_format == "channels_last" and images.ndim == 4:
            return images.contiguous(memory_format=torch.channels_last)
        return images

    def laid_out_network(self, network: nn.Module) -> nn.Module:
        """The same network with its weights in the machine's memory format."""
        if self.memory_format == "contiguous":
            return network.to(memory_format=torch.contiguous_format)
        return contiguous_where_narrow(network.to(memory_format=torch.channels_last))

    @contextmanager
    def set_up(self, *, deterministic: bool) -> Iterator[None]:
        """Torch's global switches set for this job, and put back afterwards."""
        before = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
        torch.set_num_threads(self.threads)
        torch.use_deterministic_algorithms(deterministic)
        try:
            yield
        finally:
            torch.set_num_threads(before[0])
            torch.use_deterministic_algorithms(before[1])

    def autocast(self) -> AbstractContextManager[Any]:
        """The context of forward passes."""
        return torch.amp.autocast_mode.autocast(self.device, dtype=torch.bfloat16, enabled=self.precision == "bfloat16")
