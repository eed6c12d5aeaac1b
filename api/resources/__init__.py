"""What the API shows: each resource as a model, and how it is made from the store's rows."""

from api.resources.base import Created, Item, Page, job_path
from api.resources.brought import File, Thing, Version
from api.resources.datasets import (
    Dataset,
    DatasetFile,
    DatasetVersion,
    DatasetVersionDetail,
    Sample,
    dataset,
)
from api.resources.jobs import Job, JobDetail, job, job_detail
from api.resources.models import (
    Lineage,
    LocalWeights,
    Model,
    ModelFile,
    ModelVersion,
    ModelVersionDetail,
    lineage,
    model,
)
from api.resources.projects import Project, Usage, UsageDay, project, usage_day
from api.resources.service import ApiKey, AuditEntry, Overview, Queue, Worker, api_key, audit_entry
from api.resources.story import Artifact, Attempt, Checkpoint, Event, Series, artifact, attempt, checkpoint, event
from api.resources.studies import Study, StudyDetail, StudyResults, study, study_detail
from api.resources.uploads import Upload, UploadPart, upload, upload_part
from api.resources.webhooks import WebhookDelivery, WebhookEndpoint, webhook_delivery, webhook_endpoint

__all__ = [
    "ApiKey",
    "Artifact",
    "Attempt",
    "AuditEntry",
    "Checkpoint",
    "Created",
    "Dataset",
    "DatasetFile",
    "DatasetVersion",
    "DatasetVersionDetail",
    "Event",
    "File",
    "Item",
    "Job",
    "JobDetail",
    "Lineage",
    "LocalWeights",
    "Model",
    "ModelFile",
    "ModelVersion",
    "ModelVersionDetail",
    "Overview",
    "Page",
    "Project",
    "Queue",
    "Sample",
    "Series",
    "Study",
    "StudyDetail",
    "StudyResults",
    "Thing",
    "Upload",
    "UploadPart",
    "Usage",
    "UsageDay",
    "Version",
    "WebhookDelivery",
    "WebhookEndpoint",
    "Worker",
    "api_key",
    "artifact",
    "attempt",
    "audit_entry",
    "checkpoint",
    "dataset",
    "event",
    "job",
    "job_detail",
    "job_path",
    "lineage",
    "model",
    "project",
    "study",
    "study_detail",
    "upload",
    "upload_part",
    "usage_day",
    "webhook_delivery",
    "webhook_endpoint",
]
