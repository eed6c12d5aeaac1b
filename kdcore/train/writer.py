"""Checkpoints written behind the training: a copy of the state at once, the file in a thread, the news in time."""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from torch import Tensor

from kdcore.train.checkpoint import BEST, CheckpointFolder, Record, State


class CheckpointWriter:
    """Writes checkpoints, at most one at a time, and tells of each when all its files are on the disk.

    ``written`` is called, and errors of a write are raised, by ``save``, ``poll``, ``wait`` and the end of the
    ``with`` block, in the thread that calls those: never in the writing one. A process that dies meanwhile leaves the
    checkpoint before, or the new one whole.

    Args:
        folder: where to; nobody else may write to it.
        written: takes the record of each checkpoint, in order.
        background: whether to write in a thread. The state is then held twice while it is written.
    """

    def __init__(self, folder: CheckpointFolder, written: Callable[[Record], None], *, background: bool = True) -> None:
        self.folder, self.background = folder, background
        self._written = written
        self._write: _Write | None = None
        self._best: tuple[Any, Any] = None, None

    @property
    def busy(self) -> bool:
        """Whether a write is under way: a checkpoint that can wait should, since ``save`` would wait for this one."""
        return self._write is not None and self._write.is_alive()

    def save(self, position: dict[str, Any], state: State | None, kept: list[str]) -> None:
        """Make a checkpoint of the state as it is now; see ``CheckpointFolder.save``.

        Without ``background`` it is written, and told, when this returns.

        Raises:
            EngineError: ``disk_full``, of this write or of the one before.
        """
        self.wait()
        if self.background:
            state = self._copied(state)
        self._write = _Write(lambda: self.folder.save(position, state, kept))
        if self.background:
            self._write.start()
        else:
            self._write.run()
            self.poll()

    def poll(self) -> None:
        """Tell of a write that is done; costs nothing when there is none. For every step.

        Raises:
            EngineError: ``disk_full``; the checkpoint before is as it was.
        """
        if self._write is not None and not self._write.is_alive():
            write, self._write = self._write, None
            self._written(write.result())

    def wait(self) -> None:
        """Wait for the write that is under way, and tell of it.

        Raises:
            EngineError: ``disk_full``; the checkpoint before is as it was.
        """
        if self.busy and self._write is not None:
            self._write.join()
        self.poll()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        try:
            self.wait()
        except Exception as fault:
            if error is None:
                raise
            error.add_note(f"and the checkpoint under way was not written: {fault}")

    def _copied(self, state: State | None) -> State | None:
        """The state's copy in main memory; that of the best weights serves until there are better ones."""
        best = None if state is None else state.get(BEST)
        if best is not self._best[0]:
            self._best = best, in_main_memory(best)
        if state is None:
            return None
        moving = {name: value for name, value in state.items() if name != BEST}
        return {**in_main_memory(moving), BEST: self._best[1]}


class _Write(threading.Thread):
    """One write; not a daemon, so that a process that ends by itself ends with it done."""

    def __init__(self, work: Callable[[], Record]) -> None:
        super().__init__(name="checkpoint")
        self._work = work
        self._record: Record | None = None
        self._error: BaseException | None = None

    def run(self) -> None:
        try:
            self._record = self._work()
        except BaseException as error:  # whatever it is belongs to the thread that asked for the write
            self._error = error

    def result(self) -> Record:
        if self._error is not None:
            raise self._error
        assert self._record is not None
        return self._record


def in_main_memory(tree: Any) -> Any:
    """A copy of nested dicts, lists and tuples that shares no tensor and no container with the original."""
    if isinstance(tree, Tensor):
        return tree.detach().to("cpu", copy=True)
    if isinstance(tree, dict):
        copied = copy.copy(tree)  # an OrderedDict of a state keeps its versions, which are attributes
        copied.update((name, in_main_memory(value)) for name, value in tree.items())
        return copied
    if isinstance(tree, list | tuple):
        parts = [in_main_memory(value) for value in tree]
        return parts if isinstance(tree, list) else tuple(parts)
    return copy.deepcopy(tree)
