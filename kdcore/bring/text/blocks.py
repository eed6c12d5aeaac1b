"""Plain texts as blocks of tokens, each with the token that follows: inputs and targets int32 [N, block]."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import overload

import numpy as np

from kdcore.bring.cutting import SPLITS, Places
from kdcore.bring.room import Array, Reading, Room
from kdcore.bring.rows.chunks import Unreadable
from kdcore.bring.rows.encoding import codec_of, opened
from kdcore.bring.rows.files import RowsFile, rows_files
from kdcore.bring.rows.spool import Spool
from kdcore.bring.text.vocabulary import Vocabulary, vocabulary
from kdcore.data.pack import TOKENIZER
from kdcore.errors import EngineError
from kdcore.spec.bringing.base import Cut
from kdcore.spec.bringing.generation import Language
from kdcore.spec.cards import InputCard, SplitName, TargetCard
from kdcore.spec.tasks import UNLABELLED

ROLES = ("padding", "unknown", "begin", "end")
CHUNK = 1 << 16
"""Characters that are tokenised together; a chunk ends with a line."""

ENDINGS = (".txt", ".text", ".md")


@dataclass(frozen=True)
class _Document:
    """A file: how it is read, and its characters."""

    file: RowsFile
    codec: str
    count: int

    def chunks(self, first: int, last: int) -> Iterator[str]:
        """The characters from ``first`` up to ``last``, some lines at a time."""
        with opened(self.file.path, self.codec, newline="") as (text, _):
            at = 0
            while at < first:
                at += len(text.read(min(CHUNK, first - at)))
            rest = ""
            while at < last:
                got = text.read(min(CHUNK, last - at))
                at += len(got)
                whole, mark, after = (rest + got).rpartition("\n")
                yield whole + mark if mark else after
                rest = after if mark else ""
            if rest:
                yield rest


@dataclass(frozen=True)
class _Part:
    """Characters of a document that belong to one split."""

    document: _Document
    split: SplitName
    first: int
    last: int


class BlockNames(Sequence[str]):
    """Names such as ``test, tokens 256 to 511``, made when they are asked for."""

    def __init__(self, parts: dict[SplitName, Places], block: int) -> None:
        self._parts, self._block = parts, block

    def __len__(self) -> int:
        return sum(map(len, self._parts.values()))

    @overload
    def __getitem__(self, place: int) -> str: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[str]: ...
    def __getitem__(self, place: int | slice) -> str | Sequence[str]:
        """The name of a block."""
        if isinstance(place, slice):
            return [self[one] for one in range(len(self))[place]]
        split, places = next((s, p) for s, p in self._parts.items() if place <= int(p[-1]))
        first = (place - int(places[0])) * self._block
        return f"{split}, tokens {first} to {first + self._block - 1}"


def read_language(room: Room, options: Language) -> Reading:
    """The blocks of plain texts.

    Raises:
        EngineError: ``invalid_data``, naming the file, or a split that is too short for a block.
    """
    documents = list(_documents(room, options))
    room.found.settle(len(documents))
    pieces = _positions(documents, options.cut, room)
    train = [piece for piece in pieces if piece.split == "train"]
    made = vocabulary(options.tokenizer, lambda: _texts(train), ROLES, room)
    tokens = _tokens(pieces, made, room)
    inputs, targets, parts = _blocks(tokens, options.block, room)
    return Reading(
        task="generation",
        input=InputCard(
            kind="tokens", shape=(options.block,), vocabulary=made.size, special=made.special, tokenizer=TOKENIZER
        ),
        target=TargetCard(classes=(), ignored=UNLABELLED),
        inputs=inputs,
        targets=targets,
        names=BlockNames(parts, options.block),
        given=[split for split, places in parts.items() for _ in places],
        parts=parts,
        files=made.saved(room.scratch),
        figures={"tokens": {split: len(rows) for split, rows in tokens.items()}},
        show=lambda place: {"text": made.tokenizer.decode(inputs[place].tolist(), skip_special_tokens=False)},
    )


def _documents(room: Room, options: Language) -> Iterator[_Document]:
    files = rows_files(room.tree, options, ENDINGS)
    room.steps.begin("scan", len(files))
    for file in files:
        try:
            codec = codec_of(file.path, options.encoding, room.caps.line_bytes)
            with opened(file.path, codec, newline="") as (text, _):
                count = sum(len(block) for block in iter(lambda: text.read(CHUNK), ""))
            if not count:
                raise Unreadable("empty", "has no text")
            yield _Document(file, codec, count)
        except Unreadable as error:
            room.found.fault(file.name, error.code, error.message)
        room.steps.advance()


def _positions(documents: Sequence[_Document], cut: Cut, room: Room) -> list[_Part]:
    """The parts of all documents, in their order."""
    given = {document.file.split or "train" for document in documents}
    for split in sorted(given - {"train"}):
        if getattr(cut, split) is not None:
            room.found.warn("split_given", f"the dataset has a {split} split of its own; none is cut", split=split)
    pool = [document for document in documents if (document.file.split or "train") == "train"]
    total = sum(document.count for document in pool)
    test = 0 if cut.test is None or "test" in given else round(cut.test * total)
    validation = 0 if cut.validation is None or "validation" in given else round(cut.validation * total)
    edges: list[tuple[SplitName, int, int]] = [
        ("train", 0, total - validation - test),
        ("validation", total - validation - test, total - test),
        ("test", total - test, total),
    ]
    parts, before = [], 0
    for document in documents:
        if document not in pool:
            parts.append(_Part(document, document.file.split or "train", 0, document.count))
            continue
        for split, first, last in edges:
            begin, end = max(first - before, 0), min(last - before, document.count)
            if begin < end:
                parts.append(_Part(document, split, begin, end))
        before += document.count
    return parts


def _texts(parts: Sequence[_Part]) -> Iterator[str]:
    return (chunk for part in parts for chunk in part.document.chunks(part.first, part.last))


def _tokens(parts: Sequence[_Part], made: Vocabulary, room: Room) -> dict[SplitName, Array]:
    """The ids of each split, int32 [T]; the end of a file is a token."""
    room.steps.begin("read", sum(part.last - part.first for part in parts))
    spools: dict[SplitName, Spool] = {}
    for part in parts:
        if part.split not in spools:
            spools[part.split] = Spool(room.scratch / f"tokens-{part.split}", 1, np.int32, room.caps)
        for chunk in part.document.chunks(part.first, part.last):
            ids = made.tokenizer.encode(chunk, add_special_tokens=False).ids
            spools[part.split].add(np.array(ids, np.int32)[:, None])
            room.steps.advance(len(chunk))
        if part.last == part.document.count:
            spools[part.split].add(np.array([[made.special["end"]]]))
    return {split: spools[split].rows()[:, 0] for split in SPLITS if split in spools}


def _blocks(tokens: dict[SplitName, Array], block: int, room: Room) -> tuple[Array, Array, dict[SplitName, Places]]:
    counts = {split: (len(ids) - 1) // block for split, ids in tokens.items()}
    for split, count in counts.items():
        if count < 1:
            message = (
                f"{split} has {len(tokens[split])} tokens where a block needs {block + 1}: bring more, or shorten it"
            )
            raise EngineError("invalid_data", message, "/block")
    total = sum(counts.values())
    inputs, targets = (room.rows(name, total, (block,), np.int32) for name in ("inputs", "next"))
    parts: dict[SplitName, Places] = {}
    done = 0
    for split, count in counts.items():
        ids, places = tokens[split], slice(done, done + count)
        inputs[places] = ids[: count * block].reshape(count, block)
        targets[places] = ids[1 : count * block + 1].reshape(count, block)
        parts[split] = np.arange(done, done + count)
        done += count
    return inputs, targets, parts
