"""What a pilot is asked: a small first run that says whether the large one is worth its time."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from kdcore.spec.base import JobName, Strict
from kdcore.spec.studies.spec import Asked

AliasName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$")]


class Share(Strict):
    """How much of the whole a short run has.

    Attributes:
        data: of the training examples (stratified); validation and test split stay whole.
        epochs: of the base's epochs.
    """

    data: float = Field(default=0.25, gt=0, le=1)
    epochs: float = Field(default=0.25, gt=0, le=1)


class KeepAs(Strict):
    """What becomes of the best student of an approved plan that shows a gain.

    Attributes:
        model: name of the model that it becomes a version of; made where there is none.
        alias: of that model, pointed at the new version.
    """

    model: JobName
    alias: AliasName = "champion"


class PilotSpec(Asked):
    """What a pilot asks: is this job worth running as it is? Unknown fields are refused.

    Attributes:
        kind: that it is a pilot.
        base: the job spec that is tried; the student alone is set against its method.
        seeds: of the pilot; the plan that is approved has others, so that what it was chosen by does not judge it.
        share: how small the pilot is.
        threshold: mean gain of the deciding figure, in its own unit (0.01 is one point of accuracy), from which it is
            worth going on.
        keep_as: keep the best student of the approved plan as a version of a model, and point an alias at it.
    """

    kind: Literal["pilot"]
    share: Share = Share()
    threshold: float = Field(default=0, ge=0)
    keep_as: KeepAs | None = None
