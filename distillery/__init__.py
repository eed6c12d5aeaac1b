"""What a user imports: `from distillery import Client`."""

from distillery.aclient import AsyncClient
from distillery.client import Client, __version__
from distillery.errors import (
    ApiError,
    ConfigError,
    DistilleryError,
    IntegrityError,
    Problem,
    ServiceError,
    Unreachable,
)
from distillery.transport import Retry
from distillery.types import Artifact, Event, Job, Upload

__all__ = [
    "ApiError",
    "Artifact",
    "AsyncClient",
    "Client",
    "ConfigError",
    "DistilleryError",
    "Event",
    "IntegrityError",
    "Job",
    "Problem",
    "Retry",
    "ServiceError",
    "Unreachable",
    "Upload",
    "__version__",
]
