"""What a teacher writes to every training example, once before a stage learns from it; made in pieces and kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from kdcore.data.batches import Shelf
from kdcore.data.normalise import Normalise
from kdcore.distributed import Group
from kdcore.errors import Stopped
from kdcore.files import write_atomically
from kdcore.generate import Prompt, Writer, beam_search, writer_of
from kdcore.generate.rewriting import written
from kdcore.measure.predict import evaluating
from kdcore.spec.generated import TeacherTexts, WritingPlan
from kdcore.train.machine import Machine

PIECES = 50
"""Files that a corpus lies in, about: so often it is said how far it is, and so little is lost by a crash."""
AT_ONCE = 64
"""Examples that are written to together, each with several beams."""


@dataclass(frozen=True)
class Corpus:
    """The texts of one stage, a file for each stretch of the training split.

    The same prompts give the same texts, so that a piece which is there already is taken as it is.

    Attributes:
        folder: of the run.
        number, stage: which of the run's stages it is for, and its name.
        plan: how the texts are written.
        examples: how many there are.
    """

    folder: Path
    number: int
    stage: str
    plan: WritingPlan
    examples: int

    def files(self) -> list[Path]:
        """The pieces that are there."""
        return [path for path in map(self._file, self._starts()) if path.exists()]

    @property
    def complete(self) -> bool:
        """Whether all pieces are there."""
        return len(self.files()) == len(self._starts())

    def texts(self) -> Tensor:
        """Everything: int32 [N, steps]."""
        return torch.cat([torch.from_numpy(np.load(self._file(start))) for start in self._starts()])

    def write(
        self,
        teacher: nn.Module,
        inputs: Shelf,
        normalise: Normalise,
        machine: Machine,
        group: Group,
        say: Callable[[str], None],
        stop: Callable[[], str | None],
    ) -> None:
        """Write the pieces that are missing, each process its share.

        Args:
            inputs: of the training split.
            say: told how far it is.
            stop: asked between pieces.

        Raises:
            Stopped: on request; the pieces so far stay.
        """
        missing = group.told([start for start in self._starts() if not self._file(start).exists()])
        for first in range(0, len(missing), group.size):
            reason = group.told(stop())
            if reason is not None:
                raise Stopped(reason)
            for start in missing[first : first + group.size][group.rank : group.rank + 1]:
                index = torch.arange(start, min(start + self._size, self.examples))
                with evaluating(teacher), machine.autocast():
                    self._keep(start, torch.cat(list(self._written(teacher, inputs, normalise, index))))
                done = f"{int(index[-1]) + 1} of {self.examples} examples"
                say(f"the teacher has written to {done} for stage {self.stage!r}")
        group.barrier()  # all read what each has written

    def _keep(self, start: int, tokens: Tensor) -> None:
        array = tokens.to(torch.int32).cpu().numpy()
        write_atomically(self._file(start), lambda file: np.save(file, array))

    def _written(self, teacher: nn.Module, inputs: Shelf, normalise: Normalise, index: Tensor) -> Iterator[Tensor]:
        asked = self.plan.asked
        assert isinstance(asked, TeacherTexts)
        for raw in inputs.read(list(torch.split(index, AT_ONCE))):
            writer = writer_of(teacher, raw.shape[1], self.plan.padding)
            yield written(normalise(raw), self.plan, partial(_searched, writer, asked))

    @property
    def _size(self) -> int:
        """Examples of a piece, whole calls of the teacher."""
        return -(-self.examples // (PIECES * AT_ONCE)) * AT_ONCE

    def _starts(self) -> range:
        return range(0, self.examples, self._size)

    def _file(self, start: int) -> Path:
        return self.folder / f"texts-{self.number}-{start}.npy"


def _searched(writer: Writer, asked: TeacherTexts, prompt: Prompt, rows: Tensor) -> Tensor:
    return beam_search(writer, prompt, beams=asked.beams, length_penalty=asked.length_penalty)
