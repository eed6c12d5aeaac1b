"""Distillation of transformers into smaller transformers, on vision transformers until there are text tasks."""

from __future__ import annotations

from pydantic import Field

from kdcore.spec.base import Strict
from kdcore.spec.objective import AdapterKind, Kind, Stage, Term
from kdcore.spec.presets.base import Preset, Presets, task


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
    inner = min(max(round(epochs * options.inner_share), 1), epochs - 1)
    attention = Term(
        points="attention",
        match=Kind(kind="forward"),
        adapter=AdapterKind(kind="none"),
        distance=Kind(kind="mse"),
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
        PkdBertOptions, _pkd_bert,
        reconstruction="The paper leaves out the student's last block; here it follows the teacher's last. Its term is "
        "divided by the width, ours is not: beta 0.65 is its 500 at 768 channels. The temperature is one of the "
        "paper's search.",
    ),
    "tinybert": Preset(
        "TinyBERT", "Jiao et al. 2020 (arXiv 1909.10351), equations 7 to 10",
        "First attention scores, hidden states and embedding, then the logits; both networks need equally many heads.",
        TinyBertOptions, _tinybert, min_epochs=2,
        reconstruction="One pass over the task's data: the general stage on a text corpus and augmented data are left "
        "out. Each block has a linear map of its own, where the paper's hidden states share one.",
    ),
}  # fmt: skip
