"""Sources with texts to be written for them: ids for an encoder-decoder, or for one network that continues prompts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, overload

import numpy as np

from kdcore.bring.cutting import Places, cut
from kdcore.bring.room import Array, Reading, Room
from kdcore.bring.rows.gathering import given_names
from kdcore.bring.text.sources import Sources, sources
from kdcore.bring.text.spool import TextSpool
from kdcore.bring.text.vocabulary import Vocabulary, vocabulary
from kdcore.bring.twins import twins_of
from kdcore.data.pack import TOKENIZER
from kdcore.spec.bringing.generation import Generation
from kdcore.spec.cards import InputCard, SplitName, TargetCard
from kdcore.spec.tasks import UNLABELLED

ROLES = ("padding", "unknown", "begin", "end", "separator")
BLOCK = 1024
LONGEST, SHORTEST = 512, 4
CUT = 0.01
SHOWN = 1000

Ids = list[int]


def read_generation(room: Room, options: Generation) -> Reading:
    """The examples of a dataset of sources and texts.

    Raises:
        EngineError: ``invalid_data``, naming file, line and remedy.
    """
    found = sources(room, options)
    parts, used = _parts(found, options, room)
    train = used[parts["train"]]
    made = vocabulary(options.tokenizer, lambda: (text for one in found.texts.at(train) for text in one), ROLES, room)
    layout = _layout(found.texts, train, made, options)
    inputs, targets, figures = _encoded(found.texts, used, layout, room)
    alone = len(np.unique(found.group)) == len(found.group)
    return Reading(
        task="generation",
        input=InputCard(
            kind="tokens",
            shape=inputs.shape[1:],
            vocabulary=made.size,
            special=made.special,
            source_length=layout.source if layout.apart else None,
            tokenizer=TOKENIZER,
        ),
        target=TargetCard(classes=(), ignored=UNLABELLED),
        inputs=inputs,
        targets=targets,
        names=[found.names[place] for place in used.tolist()],
        given=[split for split, places in parts.items() for _ in places],
        groups=None if alone else found.group[used],
        parts=parts,
        references=References(found, parts, used),
        files=made.saved(room.scratch),
        figures={"tokens": figures},
        show=lambda place: _shown(found.texts[int(used[place])]),
    )


def _shown(texts: list[str]) -> dict[str, str]:
    return {"source": texts[0][:SHOWN], "reference": texts[1][:SHOWN]}


def _parts(found: Sources, options: Generation, room: Room) -> tuple[dict[SplitName, Places], Places]:
    """The splits, no source in two that were cut; and the pairs they have: all to train on, else the first of a source.

    Returns:
        Places in the second array by split, one split behind the other; and that array of pairs.
    """
    count = len(found.texts)
    raw = Reading(
        "generation", InputCard(kind="tokens", shape=()), TargetCard(classes=()), found.group, found.group, (),
        given_names(found.split, count), found.group,
    )  # fmt: skip
    pairs = cut(raw, options.cut, twins_of(found.group.astype(np.uint64)), room.found)
    chosen = {
        split: places if split == "train" else places[np.sort(np.unique(found.group[places], return_index=True)[1])]
        for split, places in pairs.items()
    }
    ends = np.cumsum([len(places) for places in chosen.values()]).tolist()
    starts = [0, *ends[:-1]]
    parts = {split: np.arange(first, last) for split, first, last in zip(chosen, starts, ends, strict=True)}
    return parts, np.concatenate(list(chosen.values()))


class References(Sequence[Mapping[str, Any]]):
    """Source and references of each example; of evaluation splits, all that the source has."""

    def __init__(self, found: Sources, parts: Mapping[SplitName, Places], used: Places) -> None:
        self._found, self._used = found, used
        self._training = len(parts["train"])
        self._order = np.argsort(found.group, kind="stable")
        self._sorted = found.group[self._order]

    def __len__(self) -> int:
        return len(self._used)

    @overload
    def __getitem__(self, place: int) -> Mapping[str, Any]: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[Mapping[str, Any]]: ...
    def __getitem__(self, place: int | slice) -> Mapping[str, Any] | Sequence[Mapping[str, Any]]:
        """The record of an example."""
        if isinstance(place, slice):
            return [self[one] for one in range(len(self))[place]]
        pair = int(self._used[place])
        group = self._found.group[pair]
        first, last = np.searchsorted(self._sorted, group), np.searchsorted(self._sorted, group, side="right")
        pairs = [pair] if place < self._training else self._order[first:last].tolist()
        texts = [self._found.texts[one] for one in pairs]
        return {"source": texts[0][0], "references": [reference for _, reference in texts]}


@dataclass(frozen=True)
class _Layout:
    """How ids are laid out.

    Attributes:
        apart: whether the source has an input of its own, as an encoder-decoder's has.
        source, target: tokens, special ones among them.
    """

    made: Vocabulary
    apart: bool
    source: int
    target: int

    @property
    def widths(self) -> tuple[int, int]:
        """Tokens of an input, and of a target."""
        return (self.source + self.target, self.target) if self.apart else (self.source + self.target - 1,) * 2

    def filled(self, source: Ids, target: Ids, inputs: Array, targets: Array) -> bool:
        """Put one example into rows that have padding and nothing else; whether something was cut."""
        special = self.made.special
        written = [*target[: self.target - 1], special["end"]]
        if self.apart:
            read = [*source[: self.source - 1], special["end"]]
            given = [special["begin"], *written[:-1]]
            inputs[: len(read)] = read
            inputs[self.source : self.source + len(given)] = given
            targets[: len(written)] = written
        else:
            prompt = [special["begin"], *source[: self.source - 2], special["separator"]]
            whole = [*prompt, *written]
            inputs[: len(whole) - 1] = whole[:-1]
            targets[len(prompt) - 1 : len(whole) - 1] = written
        return len(source) > self.source - (1 if self.apart else 2) or len(target) > self.target - 1


def _layout(texts: TextSpool, train: Places, made: Vocabulary, options: Generation) -> _Layout:
    apart = options.layout == "encoder-decoder"
    lengths = options.source_length, options.target_length
    if None in lengths:
        counts = np.array([(len(one), len(two)) for one, two in _ids(texts, train, made)])
        extra = (1 if apart else 2, 1)
        usual = np.ceil(np.percentile(counts, 99, axis=0)).astype(int)
        found = [int(np.clip(u + e, SHORTEST, LONGEST)) for u, e in zip(usual, extra, strict=True)]
        lengths = lengths[0] or found[0], lengths[1] or found[1]
    assert lengths[0] is not None
    assert lengths[1] is not None
    return _Layout(made, apart, lengths[0], lengths[1])


def _ids(texts: TextSpool, places: Places, made: Vocabulary) -> Iterator[tuple[Ids, Ids]]:
    """Source and target ids of pairs at ``places``, which rise."""
    rows = texts.at(places)
    while block := list(islice(rows, BLOCK)):
        found = made.tokenizer.encode_batch_fast([text for pair in block for text in pair], add_special_tokens=False)
        yield from ((found[at].ids, found[at + 1].ids) for at in range(0, len(found), 2))


def _encoded(texts: TextSpool, used: Places, layout: _Layout, room: Room) -> tuple[Array, Array, dict[str, Any]]:
    width, target_width = layout.widths
    inputs = room.rows("inputs", len(used), (width,), np.int32)
    targets = room.rows("next", len(used), (target_width,), np.int32)
    inputs[:], targets[:] = layout.made.special["padding"], UNLABELLED
    order = np.argsort(used, kind="stable")
    room.steps.begin("make", len(used))
    longer = 0
    for place, (source, target) in zip(order.tolist(), _ids(texts, used[order], layout.made), strict=True):
        longer += layout.filled(source, target, inputs[place], targets[place])
        room.steps.advance()
    if longer > CUT * len(used):
        message = f"{longer} of {len(used)} examples are longer than {layout.source} and {layout.target} tokens"
        room.found.warn("cut_texts", f"{message} and were cut: raise source_length or target_length", examples=longer)
    return inputs, targets, {"source": layout.source, "target": layout.target, "cut": longer}
