"""What the service has beside jobs: workers, counts, keys, the audit log."""

from __future__ import annotations

from datetime import datetime
from typing import Literal, Self

from pydantic import BaseModel, Field

from api.resources.base import AnyJson, Created
from store.models import ApiKey as ApiKeyRow
from store.models import AuditEntry as AuditRow
from store.models import JobState


class Overview(BaseModel):
    """How much there is of everything."""

    object: Literal["overview"] = "overview"
    jobs: dict[JobState, int] = Field(description="distillation jobs, as the list of jobs shows them")
    succeeded_24h: int = Field(description="of them, those that succeeded in the last 24 hours")
    failed_24h: int = Field(description="of them, those that failed in the last 24 hours")
    workers: int = Field(description="workers heard from lately")


class Worker(BaseModel):
    """A worker process as it last described itself."""

    object: Literal["worker"] = "worker"
    id: str
    resource_classes: list[str]
    facts: AnyJson
    started_at: datetime
    heartbeat_at: datetime


class Queue(BaseModel):
    """What waits for one class of workers."""

    object: Literal["queue"] = "queue"
    resource_class: str = Field(examples=["cpu", "gpu-32g"])
    jobs: int = Field(description="the project's jobs that wait for a worker")
    oldest_seconds: float = Field(description="for how long the first of them has waited")
    workers: int = Field(description="workers heard from lately that serve the class: none, and its jobs wait")


class ApiKey(Created):
    """A key; what it opens with is shown once, when it is made."""

    collection = "/v1/api_keys"
    object: Literal["api_key"] = "api_key"
    id: str = Field(examples=["key_01k8t2v4x6a8c0e2g4h6j8k0m2"])
    name: str
    hint: str = Field(description="how it begins")
    scopes: list[str]
    key: str | None = Field(None, description="the key itself: only in the answer to the request that makes it")
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None = Field(description="to the minute")

    def remembered(self) -> Self:
        """Everything but the key itself, which nobody keeps."""
        return self.model_copy(update={"key": None})


class AuditEntry(BaseModel):
    """A change that somebody made."""

    object: Literal["audit_entry"] = "audit_entry"
    id: str
    created_at: datetime
    key_id: str | None = Field(description="None where authentication is off")
    key_name: str | None
    request_id: str | None
    action: str = Field(examples=["job.create", "job.cancel", "api_key.revoke"])
    target: str
    details: AnyJson


def api_key(row: ApiKeyRow, plaintext: str | None = None) -> ApiKey:
    """The key of a row; ``plaintext`` when it was just made."""
    names = sorted(set(ApiKey.model_fields) - {"object", "key"})
    return ApiKey(**{name: getattr(row, name) for name in names}, key=plaintext)


def audit_entry(row: AuditRow) -> AuditEntry:
    """The entry of a row."""
    return AuditEntry(**{name: getattr(row, name) for name in sorted(set(AuditEntry.model_fields) - {"object"})})
