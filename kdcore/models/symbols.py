"""From the numbers that traces saw to the expression of sizes that makes them all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from kdcore.spec.catalogue_sizes import LETTERS, Sizes, scaled

STRIDES = (1, 2, 4, 8, 16, 32, 64, 14, 7, 28, 56, 128, 256, 512)
"""Products of strides that a network may have between its input and a layer."""

LEVELS = (4, 8, 16, 32, 64, 128, 256, 512)
"""Strides of the levels that a detector's heads look at."""

WINDOW = 512
"""Expressions that agree on so many sides are the same."""

PIECES = (*range(1, 11), 12, 24, 48, 49)
"""Factors of a layer's width: the pieces of a maxout, the parts that attention heads share, the bins of a proposal."""


class NoExpression(ValueError):
    """No expression makes these numbers."""


class Undecided(ValueError):
    """Several expressions do; a picture of side ``try_next`` tells them apart."""

    def __init__(self, try_next: int) -> None:
        self.try_next = try_next
        super().__init__(f"a trace at side {try_next} is needed")


class Fitter:
    """Finds the expression of values seen at ``settings``, one value each; all sides are multiples of ``step``."""

    def __init__(self, settings: Sequence[Sizes], step: int = 1) -> None:
        self._settings = settings
        self._step = step
        self._found: dict[tuple[int, ...], str] = {}

    def expression(self, values: Sequence[int]) -> str:
        """The expression that gives ``values``.

        Raises:
            NoExpression: there is none in the catalogue's language.
            Undecided: there are several.
        """
        key = tuple(values)
        if key not in self._found:
            self._found[key] = self._fit(key)
        return self._found[key]

    def product(self, shapes: Sequence[tuple[int, ...]]) -> str:
        """The product of the sizes of one tensor, which has ``shapes`` at the settings.

        Raises:
            NoExpression: one of its sizes has none, or is a sum.
            Undecided: one of its sizes has several.
        """
        sizes = [self.expression(values) for values in zip(*shapes, strict=True)]
        if any("+" in size for size in sizes):
            raise NoExpression(f"{sizes} is no product of plain sizes")
        return "*".join(sizes) or "1"

    def _fit(self, values: tuple[int, ...]) -> str:
        if len(set(values)) == 1:
            return str(values[0])
        for letter, name in LETTERS.items():
            if values == tuple(getattr(s, name) for s in self._settings):
                return letter
        found = self._channels(values) or self._side(values) or self._area(values)
        found = found or self._outputs(values) or self._sum_of_sides(values) or self._levels(values)
        found = found or self._two_stages(values)
        if found is None:
            raise NoExpression(f"no expression gives {values} at {self._settings}")
        return found

    def _channels(self, values: Sequence[int]) -> str | None:
        at_one = next(v for v, s in zip(values, self._settings, strict=True) if s.multiplier == 1)
        found = [
            pieces
            for pieces in PIECES
            if at_one % pieces == 0
            and all(
                v == pieces * scaled(at_one // pieces, s.multiplier)
                for v, s in zip(values, self._settings, strict=True)
            )
        ]
        if len(found) > 1:
            raise NoExpression(f"{values} may be of {found} pieces: trace at further widths")
        if not found:
            return None
        return f"{at_one}x" if found == [1] else f"{found[0]}*{at_one // found[0]}x"

    def _side(self, values: Sequence[int]) -> str | None:
        heights = _floor(values, [s.height for s in self._settings], self._step)
        widths = None if heights else _floor(values, [s.width for s in self._settings], self._step)
        for letter, found in (("h", heights), ("w", widths)):
            if found is not None:
                return f"{letter}{found[0]}/{found[1]}"
        return None

    def _area(self, values: Sequence[int]) -> str | None:
        """``factor * height * width + rest``, such as tokens, or a flattened map whose factor scales with the width."""
        for stride in STRIDES:
            for add in range(-stride, stride + 1):
                found = self._product(values, add, stride)
                if found is not None:
                    return found
        return None

    def _outputs(self, values: Sequence[int]) -> str | None:
        """``factor * classes + rest``: heads that answer for several anchors, or more than the classes."""
        pairs = sorted({(s.classes, v) for v, s in zip(values, self._settings, strict=True)})
        (low, first), (high, last) = pairs[0], pairs[-1]
        factor, rest = divmod(last - first, high - low) if high > low else (0, 1)
        constant = first - factor * low
        if rest or factor < 1 or constant < 0 or any(v != factor * k + constant for k, v in pairs):
            return None
        return (f"{factor}*k" if factor > 1 else "k") + (f"+{constant}" if constant else "")

    def _sum_of_sides(self, values: Sequence[int]) -> str | None:
        """A source and an answer, one behind the other."""
        exact = all(v == s.height + s.width for v, s in zip(values, self._settings, strict=True))
        return "h0/1+w0/1" if exact else None

    def _levels(self, values: Sequence[int]) -> str | None:
        """As many numbers at every place of some levels, one behind the other: a detector's anchors."""
        for strides in _windows():
            places = [sum(-(-s.height // by) * -(-s.width // by) for by in strides) for s in self._settings]
            factor = values[0] // places[0]
            if factor and all(v == factor * count for v, count in zip(values, places, strict=True)):
                return "+".join(f"{factor}*h{by - 1}/{by}*w{by - 1}/{by}" for by in strides)
        return None

    def _two_stages(self, values: Sequence[int]) -> str | None:
        """Three anchors at every place of some levels, and behind them so many rows for each class and so many more."""
        for strides in _windows():
            places = [sum(-(-s.height // by) * -(-s.width // by) for by in strides) for s in self._settings]
            rest = [v - 3 * count for v, count in zip(values, places, strict=True)]
            behind = self._outputs(rest) if min(rest) > 0 else None
            if behind is not None:
                return "+".join([*(f"3*h{by - 1}/{by}*w{by - 1}/{by}" for by in strides), behind])
        return None

    def _product(self, values: Sequence[int], add: int, stride: int) -> str | None:
        flat = all(s.width == 1 for s in self._settings)
        across = [1 if flat else (s.width + add) // stride for s in self._settings]
        areas = [(s.height + add) // stride * by for s, by in zip(self._settings, across, strict=True)]
        plain = [(a, v) for a, v, s in zip(areas, values, self._settings, strict=True) if s.multiplier == 1]
        low, high = min(plain), max(plain)
        if low[0] == high[0]:
            return None
        factor, rest = divmod(high[1] - low[1], high[0] - low[0])
        constant = low[1] - factor * low[0]
        if rest or factor < 1 or constant < 0 or any(v != factor * a + constant for a, v in plain):
            return None
        sides = f"h{add}/{stride}" if flat else f"h{add}/{stride}*w{add}/{stride}"
        if all(v == factor * a + constant for v, a in zip(values, areas, strict=True)):
            return "+".join(filter(None, [f"{factor}*{sides}", str(constant) if constant else ""]))
        scaled_values = tuple(v // max(a, 1) for v, a in zip(values, areas, strict=True))
        channels = None if constant else self._channels(scaled_values)
        exact = all(v == f * a for v, f, a in zip(values, scaled_values, areas, strict=True))
        return f"{channels}*{sides}" if channels and exact else None


def _windows() -> Iterator[tuple[int, ...]]:
    """Strides of two or more levels that follow one another."""
    for first in range(len(LEVELS)):
        for last in range(first + 1, len(LEVELS)):
            yield LEVELS[first : last + 1]


def _floor(values: Sequence[int], sides: Sequence[int], step: int) -> tuple[int, int] | None:
    """``(add, stride)`` with ``value = (side + add) // stride`` for every pair.

    Raises:
        Undecided: when several do that differ on multiples of ``step``; with the side that leaves fewest of them.
    """
    fits = [(add, stride) for stride in STRIDES for add in _adds(values, sides, stride)]
    if not fits:
        return None
    side = min(range(max(sides), max(sides) + WINDOW, step), key=lambda side: _undecided(fits, side))
    if _undecided(fits, side) < len(fits):
        raise Undecided(side)
    return min(fits, key=lambda fit: abs(fit[0]) if step > 1 else 0)


def _adds(values: Sequence[int], sides: Sequence[int], stride: int) -> range:
    low = max(v * stride - side for v, side in zip(values, sides, strict=True))
    high = min(v * stride + stride - 1 - side for v, side in zip(values, sides, strict=True))
    return range(low, high + 1)


def _undecided(fits: Sequence[tuple[int, int]], side: int) -> int:
    """How many of ``fits`` may be left once the value at ``side`` is known."""
    return max(Counter((side + add) // stride for add, stride in fits).values())
