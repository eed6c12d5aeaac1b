"""Methods between logits: Hinton's relatives, and the control that smooths labels without a teacher."""

from __future__ import annotations

from pydantic import Field

from kdcore.spec.base import Strict
from kdcore.spec.objective import Kind, Stage, Term
from kdcore.spec.presets.base import Preset, Presets, task
from kdcore.spec.presets.baselines import Baseline, of_two_terms
from kdcore.spec.rooms.temperature import LearnedTemperature

TABLE: dict[str, Baseline] = {
    "dkd": Baseline(
        "Decoupled distillation", "Target against rest, and the rest among itself, weighed apart.",
        "dkd", 1, warmup_epochs=20,
    ),
    "nkd": Baseline("Normalised distillation", "The teacher's target probability as a soft label.", "nkd", 1),
    "dist": Baseline(
        "DIST", "Correlations within samples and within classes instead of exact probabilities.", "dist", 1
    ),
    "logit-standardisation": Baseline(
        "Logit standardisation", "Hinton's term on logits brought to mean 0 and deviation 1.",
        "standardised_kl", 9, task_weight=0.1,
    ),
    "wsld": Baseline(
        "Weighted soft labels", "Samples on which the student lags behind count more.", "wsld", 2.25,
        reconstruction="The weight 2.25 is that of the authors' CIFAR-100 runs as second hand.",
    ),
    "ofa": Baseline("OFA", "A sharpened target, for students unlike their teacher.", "ofa", 1, reconstruction=(
        "The term at the logits alone; the paper's branches at every stage are not part of this preset.")),
    "mlkd": Baseline(
        "Multi-level logit distillation", "Samples, batch and classes aligned at five temperatures.", "multi_level", 1,
        reconstruction="One view of each picture, and the masked form on it; the published code adds the unmasked form "
        "on a strongly augmented view. The weights of levels and task are ours, as is the mean over a batch.",
    ),
}  # fmt: skip


class SmoothingOptions(Strict):
    """``smoothing`` is the share of the label that is spread over all classes."""

    smoothing: float = Field(default=0.1, ge=0, lt=1)


class SoftCrossEntropyOptions(Strict):
    """Weights of the two terms and the temperature, as of ``hinton``."""

    temperature: float = Field(default=4, gt=0, le=1000)
    task_weight: float = Field(default=0.1, ge=0)
    distill_weight: float = Field(default=0.9, ge=0)


class CtkdOptions(Strict):
    """Weights of the two terms; ``lowest``, ``span`` and ``over`` (in epochs) of the learned temperature."""

    lowest: float = Field(default=1, gt=0, le=1000)
    span: float = Field(default=20, gt=0, le=1000)
    over: float = Field(default=10, gt=0)
    task_weight: float = Field(default=0.1, ge=0)
    distill_weight: float = Field(default=0.9, ge=0)


def _smoothing(options: SmoothingOptions, epochs: int) -> tuple[Stage, ...]:
    return (Stage(name="train", epochs=epochs, terms=(task(smoothing=options.smoothing),)),)


def _soft_ce(options: SoftCrossEntropyOptions, epochs: int) -> tuple[Stage, ...]:
    soft = Kind(kind="soft_cross_entropy", options={"temperature": options.temperature})
    weight = options.distill_weight * options.temperature**2
    return (Stage(name="distil", epochs=epochs, terms=(task(options.task_weight), Term(distance=soft, weight=weight))),)


def _ctkd(options: CtkdOptions, epochs: int) -> tuple[Stage, ...]:
    learned = LearnedTemperature(lowest=options.lowest, span=options.span, over=options.over)
    soft = Kind(kind="kl", options={"temperature": learned.model_dump()})
    terms = (task(options.task_weight), Term(distance=soft, weight=options.distill_weight))
    return (Stage(name="distil", epochs=epochs, terms=terms),)


LOGITS: Presets = {
    **{name: of_two_terms(row) for name, row in TABLE.items()},
    "soft-ce": Preset(
        "Hinton distillation, as cross-entropy", "Hinton, Vinyals, Dean 2015 (arXiv 1503.02531), section 2",
        "The teacher's softened probabilities as soft labels: the gradient of hinton, with a loss that ends at the "
        "teacher's entropy instead of zero.",
        SoftCrossEntropyOptions, _soft_ce,
    ),
    "ctkd": Preset(
        "Curriculum temperature", "Li et al. 2023 (CTKD, arXiv 2211.16231)",
        "Hinton's term at a temperature that is learned against the student, harder and harder.",
        CtkdOptions, _ctkd,
        reconstruction="One temperature for all pictures; the form that predicts one for each is not part of it. The "
        "weights are those of hinton, and the temperature learns by the job's optimiser.",
    ),
    "label-smoothing": Preset(
        "Label smoothing", "Szegedy et al. 2016 (arXiv 1512.00567), section 7",
        "The student alone on smoothed labels: the control without a teacher for what softer targets do by themselves.",
        SmoothingOptions, _smoothing, teacher=False,
    ),
}  # fmt: skip
