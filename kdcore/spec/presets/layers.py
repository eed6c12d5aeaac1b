"""Layer matching with every strategy of the layer-selection study."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from kdcore.spec.base import Strict
from kdcore.spec.objective import AdapterKind, Kind, PointPair, Stage, Term
from kdcore.spec.presets.base import Preset, Presets, task

Strategy = Literal[
    "forward",
    "reverse",
    "all-to-one",
    "random",
    "in-order-random",
    "forward-halving",
    "last-k",
    "all",
    "weighted",
    "none",
]


class LayerMatchingOptions(Strict):
    """Cross-entropy, Hinton's term and matched hidden states, weighed 1, 1 and 3 as in the published code.

    Attributes:
        match: which teacher block each student block follows.
        k: student blocks that take part; all when left out (one for ``last-k``).
        match_seed: of the random strategies.
        guided, hint: where student and teacher are looked at: every block, unless layers are named.
        temperature: of the softened probabilities.
        task_weight, distill_weight, hidden_weight: of the three terms; the last is summed over the student's blocks.
        normalise: what is done to hidden states first: ``layer`` as in the published T5 code, ``token`` as in its LLM
            code.
    """

    match: Strategy = "forward"
    k: int | None = Field(default=None, ge=1)
    match_seed: int = Field(default=0, ge=0, lt=2**31)
    guided: str = "features"
    hint: str = "features"
    temperature: float = Field(default=1, gt=0)
    task_weight: float = Field(default=1, ge=0)
    distill_weight: float = Field(default=1, ge=0)
    hidden_weight: float = Field(default=3, ge=0)
    normalise: Literal["none", "layer", "token"] = "none"


def _layer_matching(options: LayerMatchingOptions, epochs: int) -> tuple[Stage, ...]:
    soft = Kind(kind="kl", options={"temperature": options.temperature})
    terms = [task(options.task_weight), Term(distance=soft, weight=options.distill_weight)]
    if options.match != "none":
        terms.append(_hidden(options))
    return (Stage(name="distil", epochs=epochs, terms=tuple(terms)),)


def _hidden(options: LayerMatchingOptions) -> Term:
    learned = options.match == "weighted"
    chosen = {"seed": options.match_seed} | ({} if options.k is None else {"k": options.k})
    return Term(
        points=PointPair(to=(options.guided,), source=(options.hint,)),
        match=Kind(kind=options.match, options=chosen),
        adapter=AdapterKind(kind="mixture") if learned else AdapterKind(kind="auto", options={"bias": False}),
        distance=Kind(kind="hidden", options={"normalise": options.normalise}),
        weight=options.hidden_weight,
        name="hidden",
    )


LAYERS: Presets = {
    "layer-matching": Preset(
        "Layer matching", "Yu, Wen, Mou 2025 (arXiv 2502.04499)",
        "Every block of the student follows a block of the teacher, chosen by a strategy, beside labels and "
        "softened probabilities.",
        LayerMatchingOptions, _layer_matching,
        reconstruction="The published code averages the hidden states' term over layers for one network and sums it "
        "for others, with further differences between them; here it is the mean squared difference of each pair, "
        "summed over the student's blocks. On feature maps of other sizes than the teacher's the linear width adapter "
        "is a convolution (ours). all and weighted are not among the study's strategies; weighted needs teacher "
        "blocks of one width.",
    ),
}  # fmt: skip
