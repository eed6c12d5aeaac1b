"""What the API shows: each resource as a model, and how it is made from the store's rows."""

from api.resources.base import Created, Item, Page, job_path
from api.resources.jobs import Job, JobDetail, job, job_detail
from api.resources.projects import Project, Usage, UsageDay, project, usage_day
from api.resources.service import ApiKey, AuditEntry, Overview, Queue, Worker, api_key, audit_entry
from api.resources.story import Artifact, Attempt, Checkpoint, Event, Series, artifact, attempt, checkpoint, event
from api.resources.uploads import Upload, UploadPart, upload, upload_part
from api.resources.webhooks import WebhookDelivery, WebhookEndpoint, webhook_delivery, webhook_endpoint

__all__ = [
    "ApiKey",
    "Artifact",
    "Attempt",
    "AuditEntry",
    "Checkpoint",
    "Created",
    "Event",
    "Item",
    "Job",
    "JobDetail",
    "Overview",
    "Page",
    "Project",
    "Queue",
    "Series",
    "Upload",
    "UploadPart",
    "Usage",
    "UsageDay",
    "WebhookDelivery",
    "WebhookEndpoint",
    "Worker",
    "api_key",
    "artifact",
    "attempt",
    "audit_entry",
    "checkpoint",
    "event",
    "job",
    "job_detail",
    "job_path",
    "project",
    "upload",
    "upload_part",
    "usage_day",
    "webhook_delivery",
    "webhook_endpoint",
]
