"""Distillation of transformers into smaller transformers, of texts and of pictures."""

from __future__ import annotations

from pydantic import Field

from kdcore.spec.base import Strict
from kdcore.spec.objective import AdapterKind, Kind, PointPair, Stage, Term
from kdcore.spec.presets.base import Preset, Presets, task

ONE_OF = {"queries": "query", "keys": "key", "values": "value"}
"""Modules of a block that put them out."""


class DistilBertOptions(Strict):
    """Weights of softened probabilities, task and last hidden states, and the temperature."""

    temperature: float = Field(default=2, gt=0)
    distill_weight: float = Field(default=5, ge=0)
    task_weight: float = Field(default=2, ge=0)
    cosine_weight: float = Field(default=1, ge=0)


class PkdBertOptions(Strict):
    """``alpha`` shares between teacher and labels; ``beta`` weighs the patient term on class tokens."""

    temperature: float = Field(default=10, gt=0)
    alpha: float = Field(default=0.7, ge=0, le=1)
    beta: float = Field(default=0.65, ge=0)


class TinyBertOptions(Strict):
    """``inner_share``: of the epochs, for the stage on attention, hidden states and embedding; the rest is for logits.

    The other options weigh the terms of the first stage; ``temperature`` is the second stage's.
    """

    inner_share: float = Field(default=0.75, gt=0, lt=1)
    attention_weight: float = Field(default=1, ge=0)
    hidden_weight: float = Field(default=1, ge=0)
    embedding_weight: float = Field(default=1, ge=0)
    temperature: float = Field(default=1, gt=0)


class MiniLMOptions(Strict):
    """``share``: of the epochs, for the stage on attention; then the student learns the task from its labels.

    Attributes:
        heads: into which values are cut for their relation; a divisor of both networks' widths.
        attention_weight, value_weight: of the first stage's terms.
    """

    share: float = Field(default=0.75, gt=0, lt=1)
    heads: int = Field(default=3, ge=1, le=1024)
    attention_weight: float = Field(default=1, ge=0)
    value_weight: float = Field(default=1, ge=0)


class MiniLMv2Options(Strict):
    """``share``: of the epochs, for the stage on relations; then the student learns the task from its labels.

    Attributes:
        heads: relation heads into which queries, keys and values are cut; a divisor of both networks' widths.
        teacher_block: the teacher's block that is followed, from 0; its last one when left out.
    """

    share: float = Field(default=0.75, gt=0, lt=1)
    heads: int = Field(default=12, ge=1, le=1024)
    teacher_block: int | None = Field(default=None, ge=0)


def _soft(temperature: float, weight: float) -> Term:
    return Term(distance=Kind(kind="kl", options={"temperature": temperature}), weight=weight)


def _distilbert(options: DistilBertOptions, epochs: int) -> tuple[Stage, ...]:
    last = Term(
        points="features",
        match=Kind(kind="last-k"),
        distance=Kind(kind="cosine"),
        weight=options.cosine_weight,
        name="last hidden",
    )
    terms = (task(options.task_weight), _soft(options.temperature, options.distill_weight), last)
    return (Stage(name="distil", epochs=epochs, terms=terms),)


def _pkd_bert(options: PkdBertOptions, epochs: int) -> tuple[Stage, ...]:
    patient = Term(
        points="features",
        match=Kind(kind="forward"),
        adapter=AdapterKind(kind="auto", options={"bias": False}),
        distance=Kind(kind="hidden", options={"normalise": "token", "tokens": "first"}),
        weight=options.beta,
        name="patient",
    )
    terms = (task(1 - options.alpha), _soft(options.temperature, options.alpha), patient)
    return (Stage(name="distil", epochs=epochs, terms=terms),)


def _tinybert(options: TinyBertOptions, epochs: int) -> tuple[Stage, ...]:
    inner = _first(epochs, options.inner_share)
    attention = Term(
        points="attention",
        match=Kind(kind="forward"),
        distance=Kind(kind="attention_mse"),
        weight=options.attention_weight,
        name="attention",
    )
    hidden = Term(
        points="features",
        match=Kind(kind="forward"),
        distance=Kind(kind="hidden"),
        weight=options.hidden_weight,
        name="hidden",
    )
    embedding = Term(
        points="embedding", distance=Kind(kind="hidden"), weight=options.embedding_weight, name="embedding"
    )
    soft = Kind(kind="soft_cross_entropy", options={"temperature": options.temperature})
    return (
        Stage(name="inner", epochs=inner, terms=(attention, hidden, embedding)),
        Stage(name="predict", epochs=epochs - inner, terms=(Term(distance=soft),)),
    )


def _minilm(options: MiniLMOptions, epochs: int) -> tuple[Stage, ...]:
    attention = Term(
        points="attention",
        match=Kind(kind="last-k"),
        distance=Kind(kind="attention_kl"),
        weight=options.attention_weight,
        name="attention",
    )
    values = _relation("values", None, options.heads).model_copy(update={"weight": options.value_weight})
    return _then_task((attention, values), epochs, options.share)


def _minilm_v2(options: MiniLMv2Options, epochs: int) -> tuple[Stage, ...]:
    terms = tuple(_relation(name, options.teacher_block, options.heads) for name in ("queries", "keys", "values"))
    return _then_task(terms, epochs, options.share)


def _relation(name: str, block: int | None, heads: int) -> Term:
    """How ``queries``, ``keys`` or ``values`` of the student's last block are related to each other."""
    source = name if block is None else f"blocks.{block}.attention.{ONE_OF[name]}"
    return Term(
        points=PointPair(to=(name,), source=(source,)),
        match=Kind(kind="last-k"),
        distance=Kind(kind="attention_relation", options={"heads": heads}),
        name=name,
    )


def _then_task(terms: tuple[Term, ...], epochs: int, share: float) -> tuple[Stage, ...]:
    first = _first(epochs, share)
    return (
        Stage(name="attention", epochs=first, terms=terms),
        Stage(name="task", epochs=epochs - first, terms=(task(),)),
    )


def _first(epochs: int, share: float) -> int:
    """Epochs of the first of two stages: at least one, and one is left."""
    return min(max(round(epochs * share), 1), epochs - 1)


TRANSFORMERS: Presets = {
    "distilbert": Preset(
        "DistilBERT", "Sanh et al. 2019 (arXiv 1910.01108)",
        "Softened probabilities, the task, and the direction of the last hidden states.",
        DistilBertOptions, _distilbert,
        reconstruction="Labels take the place of masked language modelling, with its weight. The paper's student has "
        "its teacher's width and starts from its layers (student.copy); another width gets a linear map.",
    ),
    "pkd-bert": Preset(
        "Patient distillation", "Sun et al. 2019 (arXiv 1908.09355)",
        "The class tokens of all blocks follow every other teacher block's, by direction.",
        PkdBertOptions, _pkd_bert, kinds=("transformer",),
        reconstruction="The paper leaves out the student's last block; here it follows the teacher's last. Its term is "
        "divided by the width, ours is not: beta 0.65 is its 500 at 768 channels. The temperature is one of the "
        "paper's search.",
    ),
    "tinybert": Preset(
        "TinyBERT", "Jiao et al. 2020 (arXiv 1909.10351), equations 7 to 10",
        "First attention scores, hidden states and embedding, then the logits; both networks need equally many heads.",
        TinyBertOptions, _tinybert, min_epochs=2, kinds=("transformer",),
        reconstruction="One pass over the task's data: the general stage on a text corpus and augmented data are left "
        "out. Each block has a linear map of its own, where the paper's hidden states share one.",
    ),
    "minilm": Preset(
        "MiniLM", "Wang et al. 2020 (arXiv 2002.10957), equations 5 to 7",
        "The last block's attention and the relations of its values, for students of any width.",
        MiniLMOptions, _minilm, min_epochs=2, kinds=("transformer",),
        reconstruction="The paper distils on a text corpus and then trains on each task; here both stages share the "
        "task's examples and its epochs.",
    ),
    "minilm-v2": Preset(
        "MiniLMv2", "Wang et al. 2021 (arXiv 2012.15828), equations 4 to 7",
        "Relations among queries, among keys and among values of one block, in equally many relation heads.",
        MiniLMv2Options, _minilm_v2, min_epochs=2, kinds=("transformer",),
        reconstruction="As minilm. The paper's relation heads, four for each attention head of its large teachers, are "
        "12 here, which divides every width of the vit family; where it does not divide, the plan says what does.",
    ),
}  # fmt: skip
