"""How weights move: the optimiser, its learning rate over a stage, the average of the weights, and when to stop."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator

from kdcore.spec.base import Strict

Share = Annotated[float, Field(ge=0, lt=1)]


def _or_null(schema: dict[str, Any]) -> None:
    """Null is the default that the name has; what is validated is never null."""
    given = {name: schema.pop(name) for name in ("type", "exclusiveMinimum", "minimum", "maximum") if name in schema}
    schema["anyOf"] = [given, {"type": "null"}]


class _Named(Strict):
    """A choice by name with options of its own: those left out are as the name has them, those of others are refused.

    An option that the chosen name does not have is None, in a spec as in a plan.
    """

    OPTIONS: ClassVar[Mapping[str, Mapping[str, Any]]]
    """By name the options that not every name has alike, with their defaults; the first name is the default."""

    @model_validator(mode="before")
    @classmethod
    def _filled(cls, data: Any) -> Any:
        if not isinstance(data, Mapping):
            return data
        name = data.get("name", next(iter(cls.OPTIONS)))
        own = cls.OPTIONS.get(name, {}) if isinstance(name, str) else {}
        return {**own, **{key: value for key, value in data.items() if value is not None or key not in own}}

    @field_validator("*", mode="after")
    @classmethod
    def _owned(cls, value: Any, info: ValidationInfo) -> Any:
        name, option = info.data.get("name"), info.field_name
        owners = [owner for owner, options in cls.OPTIONS.items() if option in options]
        if value is not None and name is not None and owners and name not in owners:
            raise ValueError(f"{name} has no {option}: leave it out, or take {' or '.join(owners)}")
        return value


class Optimizer(_Named):
    """The optimiser, in PyTorch's terms. Options that another optimiser has are refused.

    Attributes:
        name: ``sgd``; ``adamw``; ``adafactor``, whose rate is relative to the size of each tensor and at most one over
            the root of the step (made for large matrices; on networks of small convolutions its step costs ten times
            AdamW's); or ``rmsprop``.
        lr: learning rate at the top of its schedule; 0.05 for SGD, 0.001 for AdamW and RMSProp, 0.01 for Adafactor.
        momentum: of SGD (0.9) and RMSProp (0).
        nesterov: Nesterov's form of SGD's momentum (yes).
        alpha: decay of RMSProp's mean of squares; 0.9 as FitNets used it.
        betas: decays of AdamW's means of gradients and of their squares (0.9 and 0.999).
        weight_decay: L2 factor, decoupled for AdamW and Adafactor; 0.0005 for SGD and RMSProp, 0.01 for AdamW, 0 for
            Adafactor.
        decay_norms: whether weight decay pulls on biases and on the scales of normalisation too, that is on tensors of
            fewer than two dimensions.
    """

    OPTIONS: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "sgd": {"lr": 0.05, "weight_decay": 5e-4, "momentum": 0.9, "nesterov": True},
        "adamw": {"lr": 1e-3, "weight_decay": 0.01, "betas": (0.9, 0.999)},
        "adafactor": {"lr": 0.01, "weight_decay": 0.0},
        "rmsprop": {"lr": 1e-3, "weight_decay": 5e-4, "momentum": 0.0, "alpha": 0.9},
    }

    name: Literal["sgd", "adamw", "adafactor", "rmsprop"] = "sgd"
    lr: float = Field(default=0.05, gt=0, le=100, json_schema_extra=_or_null)
    momentum: Share | None = None
    nesterov: bool | None = None
    alpha: Share | None = None
    betas: tuple[Share, Share] | None = None
    weight_decay: float = Field(default=5e-4, ge=0, le=10, json_schema_extra=_or_null)
    decay_norms: bool = True


class LearningRateSchedule(_Named):
    """How the learning rate moves over the steps of one stage. Options that another schedule has are refused.

    Attributes:
        name: ``cosine``, ``linear`` or ``exponential`` down to ``floor``; ``step`` by ``gamma`` at each milestone;
            ``one_cycle`` up and down again (Smith and Topin 2017, arXiv 1708.07120, its momentum left as it is); or
            ``constant``.
        warmup_epochs: epochs of linear growth from zero, at most half the stage (1); one_cycle has its own.
        floor: share of the rate that is left at the end; 0, and 0.01 for the exponential, which never reaches 0.
        milestones: where the rate drops, in order: below 1 a share of the stage, from 1 on an epoch of the stage; 5/8,
            3/4 and 7/8, as CRD and mdistiller have 150, 180 and 210 of 240 epochs.
        gamma: factor at each milestone (0.1).
        start: share of the rate that one_cycle begins with (0.04).
        peak: share of the stage after which one_cycle is at its top (0.3).
    """

    OPTIONS: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "cosine": {"warmup_epochs": 1, "floor": 0.0},
        "linear": {"warmup_epochs": 1, "floor": 0.0},
        "exponential": {"warmup_epochs": 1, "floor": 0.01},
        "step": {"warmup_epochs": 1, "milestones": (5 / 8, 3 / 4, 7 / 8), "gamma": 0.1},
        "one_cycle": {"floor": 0.0, "start": 0.04, "peak": 0.3},
        "constant": {"warmup_epochs": 1},
    }

    name: Literal["cosine", "linear", "exponential", "step", "one_cycle", "constant"] = "cosine"
    warmup_epochs: float | None = Field(default=None, ge=0)
    floor: Share | None = None
    milestones: tuple[Annotated[float, Field(gt=0)], ...] | None = Field(default=None, min_length=1, max_length=32)
    gamma: float | None = Field(default=None, gt=0, lt=1)
    start: float | None = Field(default=None, gt=0, le=1)
    peak: float | None = Field(default=None, gt=0, lt=1)

    @field_validator("floor", mode="after")
    @classmethod
    def _above_zero(cls, value: float | None, info: ValidationInfo) -> float | None:
        if value == 0 and info.data.get("name") == "exponential":
            raise ValueError("an exponential never reaches 0: take a floor above 0, or linear or cosine")
        return value

    @field_validator("milestones", mode="after")
    @classmethod
    def _in_order(cls, value: tuple[float, ...] | None) -> tuple[float, ...] | None:
        if value is None:
            return None
        if any(a >= b for a, b in pairwise(value)):
            raise ValueError("list milestones in order, each once")
        if value[0] < 1 <= value[-1]:
            raise ValueError("milestones are shares below 1 or epochs from 1 on: do not mix them")
        return value


class Average(Strict):
    """An exponential moving average of the weights of every network that learns, instead of their last values.

    It is what is validated, what is kept as the best, and what is delivered; the optimiser goes on from the weights
    themselves. Every run of the job has it, and it begins anew with each stage.

    Attributes:
        decay: share of the average that each step keeps; after ``t`` steps at most ``(1 + t) / (10 + t)``, so that the
            average of a short run is not that of its first steps.
    """

    decay: float = Field(default=0.999, gt=0, lt=1)


class EarlyStopping(Strict):
    """A stage ends when its validation has not become better for a while.

    Each run of the job stops by its own validation: the student alone has the same rule as the distilled one, not the
    same number of steps. The learning rate's schedule is drawn over all epochs of the stage, reached or not.

    Attributes:
        patience: epochs in a row that may pass without a better validation; more than those over which a weight ramps.
        min_delta: by how much a validation has to be better to count: of the accuracy as a share of 1, or of the
            stage's own loss in stages whose network has no logits yet.
    """

    patience: int = Field(ge=1, le=10_000)
    min_delta: float = Field(default=0.0, ge=0)


class Quantise(Strict):
    """Quantisation-aware training: the student's last epochs run as the int8 file will, and the teacher guides that.

    Weights, inputs of convolutions and linear layers and the student's outputs are rounded in the forward pass as the
    delivered ``onnx-int8`` rounds them, and gradients pass straight through (Jacob et al. 2018, arXiv 1712.05877). It
    holds for the student alone as well. What is delivered as float is the same network without any rounding.

    Attributes:
        share: of the last stage's epochs, at least one; the student's epochs are no more than without.
        learning_rate_scale: factor on the learning rate of these epochs, whose schedule begins anew.
    """

    share: float = Field(default=0.2, gt=0, lt=1)
    learning_rate_scale: float = Field(default=0.1, gt=0, le=1)
