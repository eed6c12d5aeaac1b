"""Distillation of text generators: word by word, on the teacher's texts, and on the student's own."""

from __future__ import annotations

from pydantic import Field

from kdcore.spec.base import Strict
from kdcore.spec.generated import StudentTexts, TeacherTexts
from kdcore.spec.objective import Kind, Stage, Term
from kdcore.spec.presets.base import Preset, Presets, task


class WordOptions(Strict):
    """``alpha`` shares between the teacher's next-token probabilities and the dataset's tokens."""

    temperature: float = Field(default=1, gt=0, le=1000)
    alpha: float = Field(default=0.5, ge=0, le=1)


class SequenceOptions(Strict):
    """How the teacher writes: ``beams`` side by side, and the exponent on a text's length.

    Attributes:
        word_weight: of the teacher's next-token probabilities on its own texts, beside the texts themselves.
        prompt: of sequences without a source, the share that the teacher continues.
        max_new_tokens: most tokens that it writes.
    """

    beams: int = Field(default=5, ge=1, le=64)
    length_penalty: float = Field(default=1, ge=0, le=10)
    word_weight: float = Field(default=0, ge=0)
    prompt: float = Field(default=0.25, gt=0, lt=1)
    max_new_tokens: int | None = Field(default=None, ge=1, le=65_536)


class OnPolicyOptions(Strict):
    """How the student writes, and how it is compared there.

    Attributes:
        share: of the batches that the student writes (lambda in the paper).
        beta: the teacher's share of the mixture that both are compared with: 0 is the forward KL, 1 the reverse.
        temperature, top_p: of what the student draws from.
        task_weight: of the dataset's tokens, in the batches that are the dataset's.
        prompt: of sequences without a source, the share that the student continues.
        max_new_tokens: most tokens that it writes.
    """

    share: float = Field(default=0.5, gt=0, le=1)
    beta: float = Field(default=0.5, ge=0, le=1)
    temperature: float = Field(default=1, gt=0, le=100)
    top_p: float = Field(default=1, gt=0, le=1)
    task_weight: float = Field(default=0, ge=0)
    prompt: float = Field(default=0.25, gt=0, lt=1)
    max_new_tokens: int | None = Field(default=None, ge=1, le=65_536)


def _word(options: WordOptions, epochs: int) -> tuple[Stage, ...]:
    terms = (task(1 - options.alpha), _soft(options.temperature, options.alpha))
    return (Stage(name="distil", epochs=epochs, terms=terms),)


def _sequence(options: SequenceOptions, epochs: int) -> tuple[Stage, ...]:
    texts = TeacherTexts(**options.model_dump(exclude={"word_weight"}))
    terms = (task(), *([_soft(1, options.word_weight)] if options.word_weight else []))
    return (Stage(name="distil", epochs=epochs, terms=terms, generated_by=texts),)


def _on_policy(options: OnPolicyOptions, epochs: int) -> tuple[Stage, ...]:
    texts = StudentTexts(**options.model_dump(exclude={"beta", "task_weight"}))
    compared = Term(distance=Kind(kind="jsd", options={"beta": options.beta}))
    terms = (*([task(options.task_weight)] if options.task_weight else []), compared)
    return (Stage(name="distil", epochs=epochs, terms=terms, generated_by=texts),)


def _soft(temperature: float, weight: float) -> Term:
    return Term(distance=Kind(kind="kl", options={"temperature": temperature}), weight=weight)


GENERATORS: Presets = {
    "word-kd": Preset(
        "Word-level distillation", "Kim and Rush 2016 (arXiv 1606.07947), section 3.1",
        "The student imitates the teacher's probabilities of each next token of the dataset's texts.",
        WordOptions, _word, kinds=("generator",),
    ),
    "seq-kd": Preset(
        "Sequence-level distillation", "Kim and Rush 2016 (arXiv 1606.07947), section 3.2",
        "The student learns from texts that the teacher wrote to the training prompts by beam search.",
        SequenceOptions, _sequence, kinds=("generator",),
        reconstruction="Sequences without a source have none of the paper's prompts: the teacher continues their "
        "beginnings. The paper's beams are 5; the length penalty is ours.",
    ),
    "gkd": Preset(
        "On-policy distillation", "Agarwal et al. 2024 (GKD, arXiv 2306.13649), algorithm 1",
        "In a share of the batches the student writes the texts itself, and follows the teacher's probabilities there.",
        OnPolicyOptions, _on_policy, kinds=("generator",),
        reconstruction="A batch is written as a whole or not at all, as in the algorithm. No gradient goes through the "
        "drawing. The share, beta and temperature are those of TRL's defaults, but for its temperature of 0.9.",
    ),
}  # fmt: skip
