"""What a proof does without, and why: a job is never lost because something beside its scores cannot be measured."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from kdcore.errors import EngineError

Document = TypeVar("Document")


class Unmeasured(Exception):
    """There is no such thing here; the message says why."""


def tried(
    name: str, measure: Callable[[], Document], reasons: dict[str, str], warn: Callable[[str], None]
) -> Document | None:
    """What ``measure`` finds; None where it finds nothing, with the reason left in ``reasons`` under ``name``.

    What cannot be is expected. Anything else is said aloud, too: features that are no numbers, a layer that no input
    reaches, a full memory.
    """
    try:
        return measure()
    except Unmeasured as reason:
        reasons[name] = str(reason)
    except (ValueError, RuntimeError, MemoryError, EngineError) as error:
        first = (str(error) or type(error).__name__).splitlines()[0]
        reasons[name] = first
        warn(f"no {name}: {first}")
    return None


def affordable(macs: int, most: int, *, device: str, least: int = 32) -> int:
    """Of how many examples a measurement can be made that takes ``macs`` multiply-adds for each.

    A processor is given 10¹² of them, half a minute or so, a GPU 10¹⁴; ``least`` are taken in any case.
    """
    budget = 10**14 if device == "cuda" else 10**12
    return max(least, min(most, budget // max(macs, 1)))
