"""The tables."""

from store.models.base import Base, JobState, Json, table_of
from store.models.brought import FileRole, Thing, ThingFile, ThingVersion, VersionStatus
from store.models.datasets import Dataset, DatasetFile, DatasetVersion
from store.models.files import Artifact, Checkpoint, CheckpointFile, DeadFile
from store.models.jobs import Attempt, Event, Job, JobInput, JobKind, JobLabel, JobSpecRow, MetricPoint, StateCount
from store.models.models import Model, ModelAlias, ModelFile, ModelVersion
from store.models.monitors import Cause, Monitor, MonitorState, Outcome, Reevaluation
from store.models.service import ApiKey, AuditEntry, IdempotencyRecord, Project, UsageDay, Worker
from store.models.studies import Study, StudyRun, StudyState
from store.models.uploads import Upload, UploadPart
from store.models.webhooks import WebhookDelivery, WebhookEndpoint

__all__ = [
    "ApiKey",
    "Artifact",
    "Attempt",
    "AuditEntry",
    "Base",
    "Cause",
    "Checkpoint",
    "CheckpointFile",
    "Dataset",
    "DatasetFile",
    "DatasetVersion",
    "DeadFile",
    "Event",
    "FileRole",
    "IdempotencyRecord",
    "Job",
    "JobInput",
    "JobKind",
    "JobLabel",
    "JobSpecRow",
    "JobState",
    "Json",
    "MetricPoint",
    "Model",
    "ModelAlias",
    "ModelFile",
    "ModelVersion",
    "Monitor",
    "MonitorState",
    "Outcome",
    "Project",
    "Reevaluation",
    "StateCount",
    "Study",
    "StudyRun",
    "StudyState",
    "Thing",
    "ThingFile",
    "ThingVersion",
    "Upload",
    "UploadPart",
    "UsageDay",
    "VersionStatus",
    "WebhookDelivery",
    "WebhookEndpoint",
    "Worker",
    "table_of",
]
