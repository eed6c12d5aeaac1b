"""What is asked of every dataset once its arrays are there, and how they become the splits of a pack."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from kdcore.bring.classes import check_classes, check_values, class_counts
from kdcore.bring.cutting import Places, cut
from kdcore.bring.findings import Findings
from kdcore.bring.lookalikes import lookalikes
from kdcore.bring.moments import Moments, blocks, check_numbers, check_spread, moments
from kdcore.bring.preview import write_preview
from kdcore.bring.report import write_report
from kdcore.bring.room import Array, Reading, mapped
from kdcore.bring.steps import Steps
from kdcore.bring.twins import digests, duplicates, twins_of
from kdcore.data.pack import INPUTS, TARGETS, Split, write_split
from kdcore.files import disk_full
from kdcore.spec.bringing import Bringing
from kdcore.spec.cards import SplitCard, SplitName


def settle(reading: Reading, options: Bringing, out: Path, found: Findings, steps: Steps) -> dict[str, Any]:
    """Check a dataset, cut it, and write splits, report and preview; the card's fields, for `kdcore.data.pack.seal`.

    Raises:
        EngineError: ``invalid_data``, when faults were found that are not quarantined, or nobody could learn from it;
            ``disk_full``.
    """
    found.settle(len(reading.inputs))
    steps.begin("check", 3 * len(reading.inputs))
    check_numbers(reading.input.kind, reading.inputs, reading.names, reading.input.channels)
    twins = twins_of(digests(reading.inputs, steps))
    parts = cut(reading, options.cut, twins, found) if reading.parts is None else reading.parts
    counts = {split: class_counts(reading, places) for split, places in parts.items()}
    check_classes(reading, counts, found)
    mean, std = check_values(reading, parts["train"])
    figures = moments(reading.input.kind, reading.inputs, parts["train"])
    check_spread(figures, reading.input.channels, found)
    try:
        for split, places in parts.items():
            _write(reading, split, places, out, steps)
        for name, path in reading.files.items():
            shutil.copyfile(path, out / name)
        samples = write_preview(reading, parts, out)
    except OSError as error:
        raise disk_full(error, out) from error
    card = _card(reading, options, parts, counts, figures)
    card["target"] |= {"mean": mean, "std": std}
    same = duplicates(twins, parts, reading.targets, reading.names, found)
    if reading.input.kind == "image":
        same["near"] = lookalikes(reading.inputs, parts, twins, reading.names, found, steps)
    channels = figures.document(reading.input.channels) if figures else []
    more = {"channels": channels, "duplicates": same, "preview": samples, **reading.figures}
    write_report(out, options, card, more, found)
    steps.finish()
    return card


def _write(reading: Reading, split: SplitName, places: Places, out: Path, steps: Steps) -> None:
    (out / split).mkdir(parents=True, exist_ok=True)
    inputs = _copied(reading.inputs, places, out / split / INPUTS)
    targets = _copied(reading.targets, places, out / split / TARGETS)
    names = [reading.names[place] for place in places]
    groups = None if reading.groups is None else reading.groups[places]
    references = [reading.references[place] for place in places] if reading.references else ()
    write_split(out, split, Split(inputs, targets, names, groups, references))
    steps.advance(len(places))


def _copied(rows: Array, places: Places, path: Path) -> Array:
    """The rows at ``places``, as a file of their own that is mapped."""
    copy, done = mapped(path, (len(places), *rows.shape[1:]), rows.dtype), 0
    for block in blocks(rows, places):
        copy[done : done + len(block)] = block
        done += len(block)
    return copy


def _card(
    reading: Reading,
    options: Bringing,
    parts: Mapping[SplitName, Places],
    counts: Mapping[SplitName, tuple[int, ...]],
    figures: Moments | None,
) -> dict[str, Any]:
    groups = {
        split: None if reading.groups is None else len(np.unique(reading.groups[places]))
        for split, places in parts.items()
    }
    cards = {
        split: SplitCard(count=len(places), class_counts=counts[split], groups=groups[split]).model_dump()
        for split, places in parts.items()
    }
    return {
        "name": options.name,
        "licence": options.licence,
        "task": reading.task,
        "input": reading.input.model_dump(),
        "target": reading.target.model_dump(),
        "splits": cards,
        "grouped": reading.groups is not None,
        "mean": figures.mean if figures else (),
        "std": figures.divisors(reading.input.kind) if figures else (),
        "flip": reading.flip,
    }
