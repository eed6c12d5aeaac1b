"""Texts with labels: token ids int32 [N, L] laid out as BERT's: [CLS] text [SEP] pair [SEP], then padding."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

import numpy as np
from tokenizers import Encoding
from tokenizers.processors import TemplateProcessing

from kdcore.bring.cutting import Places
from kdcore.bring.room import Array, Reading, Room
from kdcore.bring.rows.chunks import Chunk
from kdcore.bring.rows.columns import require
from kdcore.bring.rows.gathering import Mask, gather, given_names, parted
from kdcore.bring.rows.numbers import as_text
from kdcore.bring.text.spool import TextSpool
from kdcore.bring.text.vocabulary import Vocabulary, vocabulary
from kdcore.data.pack import TOKENIZER
from kdcore.spec.bringing.text import Text
from kdcore.spec.cards import InputCard, TargetCard

ROLES = ("padding", "unknown", "begin", "separator", "mask")
BLOCK = 1024
"""Examples that are tokenised together."""

LONGEST = 512
"""Tokens that ``auto`` chooses at most."""

SHOWN = 1000
"""Characters of a text that the preview shows."""

CUT = 0.01
UNKNOWN = 0.05
"""Shares of examples that are cut, and of tokens that are unknown, from which on a warning is due."""


def read_text(room: Room, options: Text) -> Reading:
    """The examples of a dataset of texts.

    Raises:
        EngineError: ``invalid_data``, naming file, line and remedy.
    """
    texts = _TextColumns(options, room)
    rows = gather(options, room, usable=texts.usable, keep=texts.keep)
    targets, count = rows.targets, len(rows.index)
    given, groups = given_names(rows.index.splits, count), rows.index.groups
    parts = parted(options.task, texts.spool.digests(), targets, given, groups, options.cut, room)
    train = parts["train"]
    made = vocabulary(
        options.tokenizer, lambda: (text for one in texts.spool.at(train) for text in one), ROLES, room
    )  # fmt: skip
    _lay_out(made)
    length = options.max_length or _usual_length(made, texts.spool, train)
    inputs, figures = _encoded(made, texts.spool, length, room)
    names = ("text",) if options.pair is None else ("text", "pair")
    return Reading(
        task=options.task,
        input=InputCard(
            kind="tokens", shape=(length,), vocabulary=made.size, special=made.special, tokenizer=TOKENIZER
        ),
        target=TargetCard(classes=rows.wanted.names),
        inputs=inputs,
        targets=targets,
        names=rows.index.names,
        given=given,
        groups=groups,
        parts=parts,
        files=made.saved(room.scratch),
        figures={"tokens": figures},
        show=lambda place: dict(zip(names, (text[:SHOWN] for text in texts.spool[place]), strict=True)),
    )


class _TextColumns:
    """The columns of texts, put on the disk."""

    def __init__(self, options: Text, room: Room) -> None:
        self._columns = {"/text": options.text} | ({} if options.pair is None else {"/pair": options.pair})
        self._found = room.found
        self.spool = TextSpool(room.scratch / "texts", room.caps.pack_bytes)

    def usable(self, chunk: Chunk) -> Mask:
        """Rows that have their texts; the others are faults."""
        good = np.ones(len(chunk), bool)
        for pointer, name in self._columns.items():
            require(chunk.columns, [name], chunk.file, pointer)
            for row, cell in enumerate(chunk.columns[name]):
                problem = _problem(cell)
                if problem:
                    good[row] = False
                    self._found.fault(f"{chunk.name(row)}, column {name!r}", "no_text", problem)
        return good

    def keep(self, chunk: Chunk, rows: Places) -> None:
        """Keep the texts of some rows."""
        columns = [chunk.columns[name] for name in self._columns.values()]
        for row in rows.tolist():
            self.spool.add([as_text(cells[row]) for cells in columns])


def _problem(cell: Any) -> str:
    if cell is None or (isinstance(cell, str) and not cell.strip()):
        return "has no text: give one, or leave the row out"
    if isinstance(cell, list | dict):
        return f"is a {type(cell).__name__}, not a text"
    return ""


def _lay_out(made: Vocabulary) -> None:
    begin, separator = made.token("begin"), made.token("separator")
    made.tokenizer.post_processor = TemplateProcessing(
        single=f"{begin} $A {separator}",
        pair=f"{begin} $A {separator} $B:1 {separator}:1",
        special_tokens=[(begin, made.special["begin"]), (separator, made.special["separator"])],
    )


def _usual_length(made: Vocabulary, spool: TextSpool, train: Places) -> int:
    lengths = [len(one) for block in _blocks(spool, made, train) for one in block]
    return int(min(max(np.ceil(np.percentile(lengths, 99)), 8), LONGEST))


def _blocks(spool: TextSpool, made: Vocabulary, places: Places | None = None) -> Iterator[list[Encoding]]:
    source = spool.at(places)
    while block := list(islice(source, BLOCK)):
        yield made.tokenizer.encode_batch_fast([texts[0] if len(texts) == 1 else tuple(texts) for texts in block])


def _encoded(made: Vocabulary, spool: TextSpool, length: int, room: Room) -> tuple[Array, dict[str, Any]]:
    """Ids [N, length] and what was cut and unknown; the tokenizer keeps the length."""
    made.tokenizer.enable_truncation(length)
    made.tokenizer.enable_padding(pad_id=made.special["padding"], pad_token=made.token("padding"), length=length)
    inputs = room.rows("inputs", len(spool), (length,), np.int32)
    done = cut = known = unknown = 0
    for block in _blocks(spool, made):
        ids = np.array([one.ids for one in block], np.int32)
        inputs[done : done + len(block)] = ids
        done += len(block)
        cut += sum(bool(one.overflowing) for one in block)
        known += int((ids != made.special["padding"]).sum())
        unknown += int((ids == made.special.get("unknown", -1)).sum())
        room.steps.advance(len(block))
    if cut > CUT * done:
        message = f"{cut} of {done} examples are longer than {length} tokens and were cut: raise max_length"
        room.found.warn("cut_texts", message, examples=cut)
    if unknown > UNKNOWN * known:
        share = f"{100 * unknown / known:.0f} % of the tokens are unknown to the tokenizer"
        room.found.warn("unknown_tokens", f"{share}: is it one for this language?", tokens=unknown)
    return inputs, {"length": length, "cut": cut, "unknown": unknown, "all": known, "vocabulary": made.size}
