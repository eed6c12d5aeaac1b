"""``kdcore.bring.dataset``: from what a user brought to a checked pack; a format's reader between shared parts."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from kdcore.bring.boxes import BOXES
from kdcore.bring.caps import Caps
from kdcore.bring.checks import settle
from kdcore.bring.findings import Findings
from kdcore.bring.pictures import PICTURES
from kdcore.bring.report import write_refusal
from kdcore.bring.room import Reader, Room
from kdcore.bring.rowwise import ROWS
from kdcore.bring.source import open_source
from kdcore.bring.steps import Report, Steps, Stop, never, silent
from kdcore.data.pack import CARD, FEATURES, PREVIEW, REPORT, TOKENIZER, seal
from kdcore.errors import EngineError
from kdcore.spec.bringing import Bringing
from kdcore.spec.cards import DatasetCard

SCRATCH: Final = ".scratch"

READERS: dict[str, Reader] = {**PICTURES, **BOXES, **ROWS}
"""What reads each format."""


def dataset(
    source: Path, options: Bringing, out: Path, *, caps: Caps, report: Report = silent, stop: Stop = never
) -> DatasetCard:
    """Read a dataset that somebody brought, check it, and leave it as a pack.

    Args:
        source: a file, or a folder of uploaded files; nothing in it is trusted, and nothing is written to it.
        options: as `kdcore.spec.bringing.parse_bringing` gives them.
        out: folder of the pack; made, or begun anew where an earlier attempt left it unfinished. It also gets
            ``report.json``, even when the dataset is refused, and ``preview/``.
        caps: what may be spent.
        report: called with records of type ``phase`` and ``progress``.
        stop: asked twice a second; says why to stop, or None.

    Raises:
        EngineError: ``invalid_data``, naming the item and the remedy; ``disk_full``.
        Stopped: when ``stop`` said so; the same call begins anew.
    """
    found = Findings(quarantine=options.quarantine, listed=caps.listed)
    steps = Steps(report, stop)
    with _unfinished(out) as scratch:
        try:
            tree = open_source(source, scratch, caps, found, steps)
            format_name = str(getattr(options, "format", ""))
            reading = READERS[format_name](Room(tree, scratch, caps, found, steps), options)
            card = settle(reading, options, out, found, steps)
        except EngineError as error:
            write_refusal(out, options, found, error)
            raise
    return seal(out, card)


@contextmanager
def _unfinished(out: Path) -> Iterator[Path]:
    """A scratch folder in a pack's folder that holds nothing else."""
    if (out / CARD).exists():
        raise EngineError("invalid_data", f"{str(out)!r} holds a finished dataset: name another folder", "/out")
    ours = {SCRATCH, REPORT, PREVIEW, "train", "validation", "test", TOKENIZER, FEATURES}
    if out.exists() and (strange := sorted(path.name for path in out.iterdir() if path.name not in ours)):
        raise EngineError("invalid_data", f"{str(out)!r} holds {strange[0]!r}: name an empty folder", "/out")
    scratch = out / SCRATCH
    for name in ours:
        shutil.rmtree(out / name) if (out / name).is_dir() else (out / name).unlink(missing_ok=True)
    scratch.mkdir(parents=True)
    try:
        yield scratch
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
