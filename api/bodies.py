"""Bodies of requests that are no specs: their fields, and JSON merge patches."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, Field, ValidationError

from api import limits
from api.auth import SCOPES, ScopeName
from api.errors import Fault, Refused
from kdcore.spec.base import JobName, Strict, problems_of
from kdcore.spec.job import MAX_LABELS, LabelKey, LabelValue, Priority
from kdcore.spec.studies.pilots import PlanName

EventName = Literal[
    "job.started",
    "job.paused",
    "job.succeeded",
    "job.failed",
    "job.cancelled",
    "monitor.drifted",
    "monitor.stopped",
    "study.waiting",
    "study.succeeded",
    "study.failed",
    "study.cancelled",
]
EVENTS: tuple[EventName, ...] = get_args(EventName)
WebhookUrl = Annotated[str, Field(min_length=1, max_length=2000, examples=["https://example.com/hooks/distillery"])]


Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


def _file_name(value: str) -> str:
    if value in (".", "..") or any(character in value for character in "/\\") or not value.isprintable():
        raise ValueError("must be a plain file name: no slash, no backslash, no control character, not '.' or '..'")
    return value


FileName = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_file_name)]


class Body(Strict):
    """A small body, validated like a spec: unknown fields are refused and each fault is pointed at."""

    @classmethod
    def of(cls, body: Mapping[str, Any]) -> dict[str, Any]:
        """The fields of a body.

        Raises:
            Refused: each fault with its pointer.
        """
        try:
            return cls.model_validate(body).given()
        except ValidationError as error:
            found = problems_of(error, sorted(cls.model_fields))
            faults = [Fault(pointer=p.pointer, code=p.code, detail=p.message) for p in found]
            raise Refused("invalid_request", "the body is not acceptable", errors=faults) from None

    def given(self) -> dict[str, Any]:
        """All fields."""
        return self.model_dump()


class Change(Body):
    """What to change; what is left out stays."""

    def given(self) -> dict[str, Any]:
        """Only what is to change."""
        return self.model_dump(exclude_unset=True)


class JobChange(Change):
    """What to change; what is left out stays. A label that is null goes (RFC 7396)."""

    name: JobName = "unchanged"
    labels: dict[LabelKey, LabelValue | None] = Field(default={}, max_length=MAX_LABELS * 2)
    priority: Priority = 0


class StudyChange(Change):
    """What to change about a study; what is left out stays."""

    name: JobName = "unchanged"
    question: str = Field(default="", max_length=2000)


class StudyApproval(Body):
    """Which of a pilot's plans is to run."""

    plan: PlanName
    despite_no_go: bool = Field(default=False, description="run it though the pilot says no-go")


class KeyOrder(Body):
    """A key to be made."""

    name: JobName = Field(description="what it is for")
    scopes: tuple[ScopeName, ...] = Field(min_length=1, max_length=len(SCOPES))
    expires_in_days: int | None = Field(default=None, ge=1, le=3650, description="never, when left out")


class Quotas(Body):
    """What a project may use; null bounds nothing."""

    concurrency: int | None = Field(default=None, ge=1, le=100_000, description="jobs that run at once")
    jobs_in_flight: int | None = Field(
        default=None, ge=1, le=10_000_000, description="jobs that have not ended; the service's own bound when null"
    )
    month_hours: float | None = Field(
        default=None, ge=0, le=1e7, description="hours of engines in a calendar month (UTC), asked when a job is made"
    )


class ProjectOrder(Quotas):
    """A project to be made."""

    name: JobName


class ProjectChange(Quotas, Change):
    """What to change about a project; what is left out stays."""

    name: JobName = "unchanged"


class EndpointOrder(Body):
    """A webhook endpoint to be made."""

    name: JobName = "webhook"
    url: WebhookUrl
    events: tuple[EventName, ...] = Field(default=EVENTS, min_length=1, max_length=len(EVENTS))


class EndpointChange(Change):
    """What to change about a webhook endpoint; what is left out stays."""

    name: JobName = "unchanged"
    url: WebhookUrl = "https://unchanged.invalid"
    events: tuple[EventName, ...] = Field(default=EVENTS, min_length=1, max_length=len(EVENTS))
    enabled: bool = Field(default=True, description="false holds messages back; true sends again what was held")


class UploadOrder(Body):
    """An upload to be begun."""

    name: FileName
    bytes: int = Field(ge=0, le=2**53, description="of the whole file")
    part_bytes: int = Field(default=limits.PART_BYTES, ge=limits.PART_BYTES_MIN, le=limits.PART_BYTES_MAX)


class Completion(Body):
    """How an upload is ended."""

    digest: Digest | None = Field(default=None, description="the digest that the parts must have; else nothing is done")


class Rotation(Body):
    """How a key is replaced."""

    overlap_hours: float = Field(default=24, ge=0, le=720, description="for so long the old key works yet")
