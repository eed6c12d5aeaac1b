"""Which tensor of a file is which tensor of a network: by name, by known renames, by order where that is asked for."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial, reduce
from typing import Any

from kdcore.bring.models.translations import translations
from kdcore.spec.bringing.models import Rename

Shape = tuple[int, ...]
Shapes = Mapping[str, Shape]

WRAPPERS = ("module.", "_orig_mod.")
"""What parallel and compiled networks put before every name."""
PREFIXES = (
    "model.",
    "backbone.",
    "net.",
    "network.",
    "encoder.",
    "student.",
    "teacher.",
    "base_model.",
    "_forward_module.",
)
COUNTERS = "num_batches_tracked"
HARMLESS = (COUNTERS, "position_ids", "total_ops", "total_params")
"""Last parts of names that a file may have or lack without meaning anything."""
LONGEST = 1000
LISTED = 200


@dataclass
class Match:
    """What belongs together.

    Attributes:
        pairs: name in the file by name in the network.
        steps: sentences on how names were read.
        missing: names of the network that the file lacks.
        unexpected: names of the file that nothing took.
        wrong_shape: names of the network whose tensor in the file has another shape, and that name in the file.
    """

    pairs: dict[str, str]
    steps: list[str]
    missing: list[str] = field(default_factory=list)
    unexpected: list[str] = field(default_factory=list)
    wrong_shape: dict[str, str] = field(default_factory=dict)

    def document(self, wanted: Shapes, found: Shapes) -> dict[str, Any]:
        """The report, JSON-ready; lists are cut, counts are not."""
        return {
            "steps": self.steps,
            "mapped": len(self.pairs),
            "renamed": {theirs: ours for ours, theirs in list(self.pairs.items())[:LISTED] if ours != theirs},
            "counts": {
                "missing": len(self.missing),
                "unexpected": len(self.unexpected),
                "wrong_shape": len(self.wrong_shape),
            },
            "missing": [{"name": name, "nearest": nearest(name, self.unexpected)} for name in self.missing[:LISTED]],
            "unexpected": [{"name": name, "nearest": nearest(name, self.missing)} for name in self.unexpected[:LISTED]],
            "wrong_shape": [
                {"name": ours, "found": list(found[theirs]), "wanted": list(wanted[ours])}
                for ours, theirs in list(self.wrong_shape.items())[:LISTED]
            ],
        }


def nearest(name: str, others: Sequence[str]) -> str | None:
    """The name most like ``name``; looked for among the first few hundred."""
    return next(iter(difflib.get_close_matches(name, others[:LISTED], n=1, cutoff=0.4)), None)


def match(
    found: Shapes, wanted: Shapes, architecture: str, rename: Iterable[Rename] = (), *, by_order: bool = False
) -> Match:
    """Tensors of a file, in its order, and those of a network, in its order, brought together.

    Args:
        rename: the user's rules, applied first.
        by_order: pair what names do not by order, if kinds and shapes agree throughout.
    """
    reading = _Reading(found, wanted, architecture)
    reading.rename(rename)
    reading.unwrap()
    reading.translate()
    if by_order:
        reading.align()
    return reading.match()


class _Reading:
    """The names of a file as they are read: ``names`` has for each of the file's names what it is taken for."""

    def __init__(self, found: Shapes, wanted: Shapes, architecture: str) -> None:
        self.found, self.wanted, self.architecture = found, wanted, architecture
        self.names = {name: name for name in found}
        self.steps: list[str] = []

    def rename(self, rules: Iterable[Rename]) -> None:
        for rule in rules:
            changed = self._changed(partial(_applied, rule))
            count = sum(changed[name] != self.names[name] for name in changed)
            self._take(changed, f"rule {rule.find!r} -> {rule.to!r} changed {count} names")

    def unwrap(self) -> None:
        """Take prefixes off: a wrapper's wherever all names have it, others as long as more names fit without."""
        for prefix in WRAPPERS * 2:
            if all(name.startswith(prefix) for name in self.names.values()):
                self._take(self._without(prefix), f"took {prefix!r} off every name")
        while True:
            chains = [
                *((one,) for one in (*WRAPPERS, *PREFIXES)),
                *((one, two) for one in PREFIXES for two in PREFIXES),
            ]
            tried: dict[tuple[str, ...], dict[str, str]] = {chain: self._without(*chain) for chain in chains}
            best = max(tried, key=lambda chain: self._promise(tried[chain]))
            if self._promise(tried[best]) <= self._promise(self.names):
                return
            self._take(tried[best], f"took {''.join(best)!r} off the names that have it")

    def translate(self) -> None:
        for translation in translations(self.architecture):
            translated = self._changed(translation.of)
            if self._fitting(translated) > self._fitting(self.names):
                self._take(translated, f"read names as {translation.spoken_by} has them")

    def align(self) -> None:
        """Pair the rest by order, if last parts of names and shapes agree from the first to the last."""
        taken = {name for name in self.names.values() if name in self.wanted}
        ours = [name for name in self.wanted if name not in taken and not _harmless(name)]
        theirs = [name for name, read in self.names.items() if read not in self.wanted and not _harmless(name)]
        kinds = [(_last(name), self.wanted[name]) for name in ours]
        if ours and kinds == [(_last(name), self.found[name]) for name in theirs]:
            self._take({**self.names, **dict(zip(theirs, ours, strict=True))}, f"paired {len(ours)} tensors by order")

    def match(self) -> Match:
        by_ours: dict[str, str] = {}
        for theirs, ours in self.names.items():
            by_ours.setdefault(ours, theirs)
        here = {ours: theirs for ours, theirs in by_ours.items() if ours in self.wanted}
        pairs = {ours: here[ours] for ours in self.wanted if ours in here and self._fits(ours, here[ours])}
        wrong = {ours: here[ours] for ours in self.wanted if ours in here and ours not in pairs}
        used = {*pairs.values(), *wrong.values()}
        return Match(
            pairs,
            self.steps,
            missing=[name for name in self.wanted if name not in here],
            unexpected=[name for name in self.found if name not in used],
            wrong_shape=wrong,
        )

    def _take(self, names: dict[str, str], step: str) -> None:
        if names != self.names:
            self.names = names
            self.steps.append(step)

    def _changed(self, change: Callable[[str], str]) -> dict[str, str]:
        return {theirs: change(name)[:LONGEST] for theirs, name in self.names.items()}

    def _without(self, *prefixes: str) -> dict[str, str]:
        return self._changed(lambda name: reduce(str.removeprefix, prefixes, name))

    def _promise(self, names: Mapping[str, str]) -> int:
        """Tensors that would fit under these names, as they are or in some translation."""
        spoken = [names]
        spoken += [
            {theirs: translation.of(name) for theirs, name in names.items()}
            for translation in translations(self.architecture)
        ]
        return max(map(self._fitting, spoken))

    def _fitting(self, names: Mapping[str, str]) -> int:
        return len({ours for theirs, ours in names.items() if ours in self.wanted and self._fits(ours, theirs)})

    def _fits(self, ours: str, theirs: str) -> bool:
        return squeezed(self.wanted[ours]) == squeezed(self.found[theirs])


def squeezed(shape: Shape) -> Shape:
    """A shape without sides of length one: a 1x1 convolution's weights are a linear layer's."""
    return tuple(side for side in shape if side != 1)


def _applied(rule: Rename, name: str) -> str:
    if rule.where == "anywhere":
        return name.replace(rule.find, rule.to)
    return rule.to + name[len(rule.find) :] if name.startswith(rule.find) else name


def _last(name: str) -> str:
    return name.rpartition(".")[2]


def _harmless(name: str) -> bool:
    return _last(name) in HARMLESS
