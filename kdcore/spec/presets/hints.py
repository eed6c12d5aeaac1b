"""FitNets: hints in stages as the paper has them, and the one-stage form that later code bases go by."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from kdcore.spec.base import Strict
from kdcore.spec.objective import AdapterKind, Kind, PointPair, Ramp, Search, Stage, Term
from kdcore.spec.presets.base import Preset, Presets, task

LayerPair = tuple[str, str]
"""(guided layer of the student, hint layer of the teacher)."""


def _several(pairs: tuple[LayerPair, ...]) -> tuple[LayerPair, ...]:
    if len(pairs) == 1:
        raise ValueError("one candidate is no search: give two to four, or write it as guided and hint")
    return pairs


class FitnetOptions(Strict):
    """FitNets in stages: one hint stage for each pair of layers, in order, then distillation.

    Attributes:
        hint: layer of the teacher that is followed (default: its middle).
        guided: layer of the student that follows (default: its middle).
        pairs: several (guided, hint) pairs in order, instead of ``guided`` and ``hint``; each stage trains from the
            input to its guided layer.
        candidates: (guided, hint) pairs among which short runs find the best, instead of ``guided`` and ``hint``.
        search_epochs: epochs of each candidate's run.
        hint_share: share of the epochs that the hint stages take together.
        temperature: of the last stage; the paper uses 3.
        imitation_start, imitation_end: the paper's lambda, moving linearly over the last stage.
        layer_rates: factors on the learning rate in the last stage by module path of the student, for layers that the
            hints have trained; the paper's CIFAR-10 configuration has 0.05.
        normalise: ``teacher`` divides the hint loss by the teacher's feature power (ours); ``none`` is the paper's.
        regressor: ``convolution`` by the paper's kernel arithmetic, or ``auto`` from the traced shapes.
        regressor_norm: BatchNorm and ReLU behind the regressor (not in the paper).
    """

    hint: str = "middle"
    guided: str = "middle"
    pairs: Annotated[tuple[LayerPair, ...], Field(max_length=8)] = ()
    candidates: Annotated[tuple[LayerPair, ...], Field(max_length=4), AfterValidator(_several)] = ()
    search_epochs: int = Field(default=2, ge=2, le=1000)
    hint_share: float = Field(default=0.3, gt=0, lt=1)
    temperature: float = Field(default=3, gt=0)
    imitation_start: float = Field(default=4, ge=0)
    imitation_end: float = Field(default=1, ge=0)
    layer_rates: dict[str, Annotated[float, Field(ge=0, le=100)]] = {}
    normalise: Literal["teacher", "none"] = "teacher"
    regressor: Literal["auto", "convolution"] = "auto"
    regressor_norm: bool = False


class FitnetJointOptions(Strict):
    """The hint as one more term beside the task loss; defaults as in RepDistiller and mdistiller."""

    hint: str = "middle"
    guided: str = "middle"
    task_weight: float = Field(default=1, ge=0)
    hint_weight: float = Field(default=100, ge=0)
    regressor_norm: bool = True


def _hint_stage(name: str, pair: LayerPair, epochs: int, options: FitnetOptions) -> Stage:
    guided, hint = pair
    term = Term(
        points=PointPair(to=(guided,), source=(hint,)),
        adapter=AdapterKind(kind=options.regressor, options={"norm": options.regressor_norm}),
        distance=Kind(kind="hint", options={"normalise": options.normalise}),
        name="hint",
    )
    candidates = tuple(PointPair(to=(to,), source=(source,)) for to, source in options.candidates)
    search = Search(candidates=candidates, epochs=options.search_epochs) if candidates else None
    return Stage(name=name, epochs=epochs, trains=f"student.upto({guided})", terms=(term,), search=search)


def _shares(epochs: int, share: float, stages: int) -> list[int]:
    """Epochs of each hint stage: their share of all, divided evenly, at least one each and one left at the end."""
    together = min(max(round(epochs * share), stages), epochs - 1)
    return [together * (i + 1) // stages - together * i // stages for i in range(stages)]


def _fitnet(options: FitnetOptions, epochs: int) -> tuple[Stage, ...]:
    pairs = options.pairs or (options.candidates[:1] or ((options.guided, options.hint),))
    shares = _shares(epochs, options.hint_share, len(pairs))
    names = ["hint"] if len(pairs) == 1 else [f"hint-{number + 1}" for number in range(len(pairs))]
    hints = [_hint_stage(*row, options) for row in zip(names, pairs, shares, strict=True)]
    soft = Term(
        distance=Kind(kind="soft_cross_entropy", options={"temperature": options.temperature}),
        weight=Ramp(start=options.imitation_start, to=options.imitation_end),
        name="imitation",
    )
    last = Stage(name="distil", epochs=epochs - sum(shares), terms=(task(), soft), layer_rates=options.layer_rates)
    return (*hints, last)


def _fitnet_joint(options: FitnetJointOptions, epochs: int) -> tuple[Stage, ...]:
    hint = Term(
        points=PointPair(to=(options.guided,), source=(options.hint,)),
        adapter=AdapterKind(kind="auto", options={"norm": options.regressor_norm}),
        distance=Kind(kind="mse"),
        weight=options.hint_weight,
        name="hint",
    )
    return (Stage(name="distil", epochs=epochs, terms=(task(options.task_weight), hint)),)


HINTS: Presets = {
    "fitnet": Preset(
        "FitNets", "Romero et al. 2015 (arXiv 1412.6550)",
        "Hint stage: the student's lower half learns to predict the teacher's middle features through a regressor. "
        "Then the whole student is distilled, with less and less weight on the teacher.",
        FitnetOptions, _fitnet, min_epochs=2,
        reconstruction="The paper trains with RMSProp until validation stalls; here both stages share the epochs by "
        "hint_share and the job's optimiser. normalise: teacher is ours: the plain sum over channels needs a "
        "learning rate that suits the width.",
    ),
    "fitnet-joint": Preset(
        "FitNets, one stage", "As in RepDistiller (Tian et al. 2020) and mdistiller; not the paper's two stages",
        "The hint as one more loss beside the task loss, for the whole training.",
        FitnetJointOptions, _fitnet_joint,
        reconstruction="A modern variant: the authors of these code bases call it FitNet, the paper trains in two "
        "stages and reports that a joint sum failed.",
    ),
}  # fmt: skip
