"""What every distance is tried on: one row for each name, with a reason wherever it does not keep a claim."""

from collections.abc import Mapping
from dataclasses import dataclass, field

KINDS = ("labels", "token labels", "logits", "token logits", "vectors", "maps", "tokens", "scores", "queries",
         "map layers", "token layers")  # fmt: skip
CLAIMS = ("zero", "gradient", "parameters", "order", "shuffle", "half")

ENTROPY = "a cross-entropy: at equality it is the teacher's entropy"
SHARPENED = "its weights favour the label: the student that equals the teacher is not its minimum"
ANY_WIDTH = "shapes may differ"
STILL_WIDTH = "the kernel's width follows the features without gradient"


@dataclass(frozen=True)
class Row:
    """How one distance is tried.

    Attributes:
        kinds: of inputs it reads, the first one for all options.
        also: options that are tried beside the default and every choice among its options.
        but: claim -> why the distance does not keep it, in every form.
        paired: whether it compares sample with sample: shuffling the teacher's batch then raises it from equality,
            and else does not change it.
        remembers: whether ``advance`` moves something.
    """

    kinds: tuple[str, ...]
    also: tuple[Mapping, ...] = ()
    but: Mapping[str, str] = field(default_factory=dict)
    paired: bool = True
    remembers: bool = False


ROWS = {}
