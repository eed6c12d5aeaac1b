"""Bodies about monitors: what to look after, how often, and from when on data count as drifted."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from api.bodies import Body, Change
from kdcore.spec.base import JobName
from kdcore.spec.reevaluation import DriftRule

Hours = Annotated[float, Field(ge=1, le=8760)]
Action = Literal["measure", "propose"]
_ID = Field(max_length=40)


class MonitorOrder(Body):
    """A monitor to be made."""

    name: JobName = "monitor"
    job: Annotated[str, _ID] = Field(description="a distillation that has succeeded", examples=["job_..."])
    dataset: Annotated[str, _ID] = Field(
        description="whose newest ready version is the newly given data", examples=["ds_..."]
    )
    every_hours: Hours | None = Field(default=None, description="the schedule; none when left out")
    on_new_version: bool = Field(default=True, description="re-evaluate whenever a new version of the dataset is ready")
    drift: DriftRule = DriftRule()
    then: Action = Field(
        default="measure", description="propose: where the data have drifted, a new distillation is offered, too"
    )

    @model_validator(mode="after")
    def _is_due_sometimes(self) -> Self:
        if self.every_hours is None and not self.on_new_version:
            raise ValueError("give every_hours, or leave on_new_version true: nothing would ever be due")
        return self

    def given(self) -> dict[str, Any]:
        """All fields, by their columns but for job and dataset."""
        found = self.model_dump(exclude={"drift", "then"})
        return {**found, **self.drift.model_dump(), "action": self.then}


class MonitorChange(Change):
    """What to change about a monitor; what is left out stays. Its job and its dataset stay in any case."""

    name: JobName = "unchanged"
    every_hours: Hours | None = None
    on_new_version: bool = True
    drift: DriftRule = DriftRule()
    then: Action = "measure"
    enabled: bool = Field(default=True, description="false stops it; true looks after it again")

    def given(self) -> dict[str, Any]:
        """Only what is to change, by columns."""
        found = self.model_dump(exclude_unset=True, exclude={"drift", "then"})
        if "drift" in self.model_fields_set:
            found |= self.drift.model_dump(exclude_unset=True)
        return found | ({"action": self.then} if "then" in self.model_fields_set else {})
