"""A network asked what it is: traced at as many sizes as it takes to write every number as an expression."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from torch import nn

from kdcore.models.family import Family, Prototype
from kdcore.models.nodes import Nodes
from kdcore.models.symbols import Fitter, Undecided
from kdcore.models.trace import Trace, count_macs, dtype_of, forward, on_meta, trace
from kdcore.spec.catalogue_inputs import Given
from kdcore.spec.catalogue_sizes import OPTIONS, Sizes
from kdcore.spec.catalogue_tree import Tree

LARGEST_MINIMUM = 256
MORE_TRACES = 24
BLOCKS = 2
"""Blocks in each stage of a prototype that stands for every depth."""

ATTENTION_SIDES = (28, 32, 48, 56, 64, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512)
"""Picture sides at which the multiply-accumulates of attention products are tabulated."""

MORE_TOKENS = 50
"""Token ids of a trace for each of its channels: enough that special ids are among them."""

_SCALABLE = [
    Sizes(32, 40, 10, 3, heads=3),
    Sizes(33, 57, 7, 1, heads=2),
    Sizes(47, 36, 5, 2, heads=12),
    Sizes(64, 35, 11, 4, 0.0244, heads=1),
    Sizes(41, 50, 9, 3, 0.1413, heads=6),
    Sizes(56, 72, 13, 3, 1.3439, heads=4),
    Sizes(39, 65, 12, 3, 0.001, heads=3),
    Sizes(70, 44, 8, 3, 0.37, heads=2),
]
"""Widths at which the rounding of so many channels tells apart how many pieces they are made of."""
_FIXED = [
    Sizes(224, 255, 10, 3),
    Sizes(225, 320, 7, 1),
    Sizes(256, 223, 13, 4),
    Sizes(287, 224, 5, 2),
    Sizes(288, 225, 6, 3),
]
"""Sides on both sides of a multiple of 32, where rounding up and rounding down change."""
_COARSE = [Sizes(520, 1030, 8, 3), Sizes(1025, 700, 9, 2)]
"""Pictures in which a detector's coarsest level has more than one place."""


class Probe:
    """One prototype of a family, built on the meta device wherever it is needed."""

    def __init__(self, family: Family, prototype: Prototype) -> None:
        self.family = family
        self.prototype = prototype
        self.sizes = {**family.sizes, **prototype.sizes}
        self.step = self.sizes.get("multiple", 1)
        self._dtype = dtype_of(family.input)
        self._built: tuple[dict[str, Any], nn.Module] | None = None

    def model(self, sizes: Sizes) -> nn.Module:
        """The network at ``sizes``; the last one is kept, since most sizes of inputs need no other."""
        decided = {**self._given(sizes).options(), **{option: getattr(sizes, name) for option, name in OPTIONS.items()}}
        options = {key: value for key, value in decided.items() if key in self.family.options}
        wanted = {**options, **self.prototype.when, "num_classes": sizes.classes}
        if self._built is None or self._built[0] != wanted:
            self._built = (wanted, on_meta(lambda: self.family.made(self.prototype.build_name, **wanted)))
        return self._built[1]

    def square(self, side: int) -> Sizes:
        """Sizes of a plain network for a square picture, or for any other input of that length."""
        return self._of_kind(Sizes(side, side, 10, 3))

    def _of_kind(self, sizes: Sizes) -> Sizes:
        """``sizes`` as an input of the family's kind can have them."""
        if self.family.input == "image":
            return sizes
        height = 1 if self.family.input == "table" else sizes.height
        width = sizes.width if self._reads_source else 1
        if self.family.input != "tokens":
            return replace(sizes, height=height, width=width)
        vocabulary = MORE_TOKENS * sizes.channels + sizes.classes
        classes = vocabulary if "generation" in self.family.tasks else sizes.classes
        return replace(sizes, width=width, channels=vocabulary, classes=classes, **self._explicit(sizes))

    def _explicit(self, sizes: Sizes) -> dict[str, int]:
        """Sizes that options say, all of them different wherever the other sizes are."""
        hidden = sizes.heads * (sizes.classes + 2 * sizes.channels)
        found = {
            "hidden": hidden,
            "intermediate": 3 * hidden + sizes.classes,
            "max_length": sizes.height + sizes.width + sizes.classes,
            "attention_width": sizes.heads * (sizes.classes + 3 * sizes.channels),
            "buckets": 4 * sizes.width,
        }
        return {OPTIONS[option]: value for option, value in found.items() if option in self.family.options}

    @property
    def _reads_source(self) -> bool:
        return "source_length" in self.family.options

    def _given(self, sizes: Sizes) -> Given:
        return Given.at(self.family.input, sizes, self._reads_source)

    def smallest_input(self) -> int:
        """The smallest side of a square picture, or length, that passes through the network; all larger ones do too.

        Raises:
            ValueError: when the network takes no picture of ``LARGEST_MINIMUM``.
        """
        if "exactly" in self.sizes:
            return self.sizes["exactly"]
        if self.family.input == "table":
            return 1
        sides = range(self.step, LARGEST_MINIMUM + 1, self.step)
        at = bisect_left(sides, True, key=self._takes)
        if at == len(sides):
            raise ValueError(f"{self.prototype.name} takes no picture up to {LARGEST_MINIMUM}")
        return sides[at]

    def _takes(self, side: int) -> bool:
        sizes = self.square(side)
        try:
            forward(self.model(sizes), self._given(sizes).shape, dtype=self._dtype)
        except (RuntimeError, ValueError):
            return False
        return True

    def nodes(self) -> Nodes:
        """The network's tree, from the first traces and as many more as are needed to decide every expression.

        Raises:
            NoExpression: a size that the catalogue's language cannot write.
        """
        settings = list(self._settings())
        traces = [self._trace(sizes) for sizes in settings]
        for _ in range(MORE_TRACES):
            try:
                return Nodes(traces, Fitter(settings, self.step), whole=self.family.input == "image")
            except Undecided as error:
                side = -(-error.try_next // self.step) * self.step
                settings.append(self.square(side))
                traces.append(self._trace(settings[-1]))
        raise ValueError(f"{self.prototype.name}: {MORE_TRACES} more traces did not decide its sizes")

    def _settings(self) -> Iterator[Sizes]:
        sizes = _SCALABLE if {"width", "hidden"} & set(self.family.options) else _FIXED
        for s in (*sizes, *_COARSE) if "detection" in self.family.tasks else sizes:
            height = self.sizes.get("exactly", s.height // self.step * self.step)
            width = height if "square" in self.sizes else s.width
            yield self._of_kind(Sizes(height, width, s.classes, s.channels, s.multiplier, s.heads))

    def _trace(self, sizes: Sizes) -> dict[str, Trace]:
        return trace(self.model(sizes), self._given(sizes).shape, self._dtype)

    def extra_macs(self, record: Mapping[str, Any]) -> dict[str, int]:
        """Multiply-accumulates that the layers of ``record`` do not explain, by side of the picture.

        Raises:
            ValueError: when a network without attention, or one that takes no pictures, has any.
        """
        tabulated = self.family.input == "image" and self._has_attention()
        sides = ATTENTION_SIDES if tabulated else (224,)
        fitting = [s for s in sides if s % self.step == 0 and s >= record["input"]["min"]]
        allowed = [s for s in fitting if s == self.sizes.get("exactly", s)]
        extra = {str(side): self._unexplained(record, side) for side in allowed}
        if not tabulated and any(extra.values()):
            raise ValueError(f"{self.prototype.name}: {extra} multiply-accumulates are made by no layer")
        return extra if any(extra.values()) else {}

    def _unexplained(self, record: Mapping[str, Any], side: int) -> int:
        sizes = self.square(side)
        _, explained, _ = Tree(record, BLOCKS if self.prototype.depth else 0, sizes).counts()
        return count_macs(self.model(sizes), self._given(sizes).shape, self._dtype) - explained

    def _has_attention(self) -> bool:
        modules = self.model(self.square(224)).modules()
        return any(("Attention" in type(module).__name__ or "Attn" in type(module).__name__) for module in modules)
