"""The tables."""

from store.models.base import Base, JobState, Json, table_of
from store.models.files import Artifact, Checkpoint, CheckpointFile, DeadFile
from store.models.jobs import Attempt, Event, Job, JobLabel, JobSpecRow, MetricPoint, StateCount
from store.models.service import ApiKey, AuditEntry, IdempotencyRecord, Project, UsageDay, Worker
from store.models.uploads import Upload, UploadPart
from store.models.webhooks import WebhookDelivery, WebhookEndpoint

__all__ = [
    "ApiKey",
    "Artifact",
    "Attempt",
    "AuditEntry",
    "Base",
    "Checkpoint",
    "CheckpointFile",
    "DeadFile",
    "Event",
    "IdempotencyRecord",
    "Job",
    "JobLabel",
    "JobSpecRow",
    "JobState",
    "Json",
    "MetricPoint",
    "Project",
    "StateCount",
    "Upload",
    "UploadPart",
    "UsageDay",
    "WebhookDelivery",
    "WebhookEndpoint",
    "Worker",
    "table_of",
]
