"""Every setting of the service in one place, read from DISTILLERY_* variables, with defaults for one machine."""

from __future__ import annotations

import re
from contextlib import suppress
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Any, NamedTuple, Self

from pydantic import AliasChoices, Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

Words = Annotated[tuple[str, ...], NoDecode]
Seconds = Annotated[float, Field(gt=0)]
Cap = Annotated[int, Field(ge=1)] | None
RETRY_SECONDS = (5.0, 300.0, 1800.0, 7200.0, 18_000.0, 36_000.0, 50_400.0, 72_000.0, 86_400.0)
"""The schedule that Standard Webhooks proposes."""


class Backoff(NamedTuple):
    """How long a job waits before its next attempt, doubling from ``first`` up to ``cap`` seconds."""

    first: float = 2
    cap: float = 300

    def seconds(self, failures: int) -> float:
        """The wait after the ``failures``-th failed attempt."""
        doublings = max(0, min(failures - 1, 30))
        return float(min(self.cap, self.first * 2**doublings))


LISTS = (
    "previous_secrets",
    "allowed_hosts",
    "trusted_proxies",
    "resource_classes",
    "webhook_networks",
    "webhook_retry_seconds",
    "imports",
)
"""Settings that are words between commas."""


_CAPS = "dataset_"
_MODEL_CAPS = {"weights_bytes": "model_bytes", "weights_tensors": "tensors"}
WEIGHTS = "weights"
"""The place to import from that ``weights`` is."""
_PLACE = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")


class Settings(BaseSettings):
    """Where things are and how long things take.

    Attributes:
        home: folder of the embedded service: database, broker, files, secret.
        database_url, broker_url, files_url: by default inside ``home``; else Postgres, Redis or RabbitMQ, s3://bucket/prefix.
        secret, secret_file: what API keys are hashed with; the file has mode 0600.
        previous_secrets: those before it, by which keys and webhooks go on working; also the lines of the file whose
            name is that of ``secret_file`` and ``.previous``.
        lease_seconds: a worker that is silent for so long has lost its job.
        lease_margin_seconds: an engine stops so long before its lease ends.
        beat_seconds: a worker renews its leases so often.
        claim_seconds, sweep_seconds, flags_seconds: a worker looks so often for work, for lost jobs, for wishes.
        grace_seconds: between the request to stop and the kill.
        max_attempts: attempts of a job that may fail by themselves.
        trusted_proxies: addresses whose forwarded headers say who asks.
        rate_per_second, rate_burst: requests of one key to one API process, for long and at once.
        jobs_in_flight: jobs of one project that have not ended.
        upload_bytes: the largest file that is taken.
        upload_hours: an upload that is not complete by then is forgotten.
        job_hours: engines work at most so long on one job, whatever its spec says.
        details_days: so long after its end a job loses its checkpoints, and its events but for states and its end.
        jobs_days: so long after its end a job is deleted; never when left out.
        disk_free_bytes: with less room left nothing is claimed or taken, and the service is not ready.
        webhook_networks: networks, as 10.0.0.0/8, that webhooks may go to though they are not public, by http too.
        webhook_retry_seconds: how long a webhook waits before each further try.
        imports: places that users may bring things from, as lake=s3://bucket/prefix or shelf=/folder; API and workers
            both read them.
        import_files, import_bytes: of one import, at most.
        datasets_per_project, models_per_project: of what one project may have.
        weights: folder of pretrained weights that users may bring models from; the place ``weights`` of imports.
        dataset_members, dataset_unpacked_bytes, dataset_ratio, dataset_item_bytes, dataset_pixels, dataset_examples,
            dataset_pack_bytes, dataset_line_bytes, dataset_columns, dataset_classes, dataset_groups,
            dataset_row_group_bytes: what a dataset may cost; the engine's own caps where nothing is said.
        weights_bytes, weights_tensors: the same of a file of a model.
        inspection_memory_gb, inspection_hours: what an inspection may take.
        data_dir: folder that holds the datasets of torchvision's readers (DISTILLERY_DATA).
    """

    model_config = SettingsConfigDict(env_prefix="DISTILLERY_", extra="ignore", populate_by_name=True)

    home: Path = Path("~/.distillery")
    database_url: str = ""
    broker_url: str = ""
    files_url: str = ""
    secret: SecretStr | None = None
    secret_file: Path = Path()
    previous_secrets: Annotated[tuple[SecretStr, ...], NoDecode] = ()
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8400
    allowed_hosts: Words = ("127.0.0.1", "localhost", "[::1]")
    auth: bool = True
    trusted_proxies: Words = ()
    rate_per_second: Annotated[float, Field(gt=0)] = 100
    rate_burst: Annotated[int, Field(ge=1)] = 1000
    jobs_in_flight: Annotated[int, Field(ge=1)] = 10_000
    disk_free_bytes: Annotated[int, Field(ge=0)] = 512 * 1024**2
    upload_bytes: Annotated[int, Field(ge=1)] = 64 * 1024**3
    upload_hours: Annotated[float, Field(gt=0)] = 48
    webhook_networks: Annotated[tuple[IPv4Network | IPv6Network, ...], NoDecode] = ()
    webhook_retry_seconds: Annotated[tuple[Seconds, ...], NoDecode] = RETRY_SECONDS
    lease_seconds: Seconds = 60
    lease_margin_seconds: Seconds = 15
    beat_seconds: Seconds = 10
    claim_seconds: Seconds = 2
    sweep_seconds: Seconds = 5
    flags_seconds: Seconds = 1
    grace_seconds: Annotated[float, Field(ge=0)] = 3
    max_attempts: Annotated[int, Field(ge=1, le=100)] = 5
    backoff_seconds: Annotated[float, Field(ge=0)] = 2
    backoff_cap_seconds: Annotated[float, Field(ge=0)] = 300
    idempotency_hours: Seconds = 48
    garbage_seconds: Seconds = 900
    job_hours: Annotated[float, Field(gt=0)] | None = None
    details_days: Annotated[float, Field(gt=0)] | None = 90
    jobs_days: Annotated[float, Field(gt=0)] | None = None
    slots: Annotated[int, Field(ge=1, le=64)] = 1
    resource_classes: Words = ("cpu",)
    imports: Words = ()
    import_files: Annotated[int, Field(ge=1)] = 1_000_000
    import_bytes: Annotated[int, Field(ge=1)] = 256 * 1024**3
    datasets_per_project: Annotated[int, Field(ge=1)] = 1000
    models_per_project: Annotated[int, Field(ge=1)] = 1000
    weights: Path | None = None
    dataset_members: Cap = None
    dataset_unpacked_bytes: Cap = None
    dataset_ratio: Annotated[float, Field(ge=1)] | None = None
    dataset_item_bytes: Cap = None
    dataset_pixels: Cap = None
    dataset_examples: Cap = None
    dataset_pack_bytes: Cap = None
    dataset_line_bytes: Cap = None
    dataset_columns: Cap = None
    dataset_classes: Cap = None
    dataset_groups: Cap = None
    dataset_row_group_bytes: Cap = None
    weights_bytes: Cap = None
    weights_tensors: Cap = None
    inspection_memory_gb: Annotated[float, Field(gt=0, le=256)] = 8
    inspection_hours: Annotated[float, Field(gt=0)] = 12
    data_dir: Annotated[
        Path | None, Field(validation_alias=AliasChoices("DISTILLERY_DATA", "DISTILLERY_DATA_DIR", "data_dir"))
    ] = None

    @field_validator(*LISTS, mode="before")
    @classmethod
    def _words(cls, value: Any) -> Any:
        if isinstance(value, str):
            return tuple(word.strip() for word in value.split(",") if word.strip())
        return value

    @model_validator(mode="after")
    def _inside_home(self) -> Self:
        self.home = self.home.expanduser().resolve()
        self.database_url = self.database_url or f"sqlite:///{self.home / 'distillery.sqlite'}"
        self.broker_url = self.broker_url or f"sqla+sqlite:///{self.home / 'broker.sqlite'}"
        self.files_url = self.files_url or f"file://{self.home / 'files'}"
        if self.secret_file == Path():
            self.secret_file = self.home / "secret"
        return self

    @model_validator(mode="after")
    def _lease_outlives_its_parts(self) -> Self:
        needed = self.lease_margin_seconds + self.beat_seconds
        if self.lease_seconds <= needed:
            raise ValueError(
                f"lease_seconds is {self.lease_seconds:g} but must be more than lease_margin_seconds + beat_seconds "
                f"= {needed:g}: raise DISTILLERY_LEASE_SECONDS or lower the other two"
            )
        return self

    @model_validator(mode="after")
    def _places_are_named(self) -> Self:
        for word in self.imports:
            name, _, url = word.partition("=")
            if not _PLACE.fullmatch(name) or not url.startswith(("/", "file:///", "s3://")):
                raise ValueError(
                    f"imports has {word!r}, which is no place: write DISTILLERY_IMPORTS as name=/folder or "
                    "name=s3://bucket/prefix, several between commas"
                )
        return self

    @property
    def places(self) -> dict[str, str]:
        """URL of each place to import from, by its name."""
        told = {name: url for name, _, url in (word.partition("=") for word in self.imports)}
        return told if self.weights is None else {WEIGHTS: str(self.weights.absolute()), **told}

    def caps(self) -> dict[str, float]:
        """What the operator says that a dataset or model may cost, by the names of the engine's caps."""
        told = {cap: getattr(self, name) for name, cap in cap_settings().items()}
        return {cap: value for cap, value in told.items() if value is not None}

    @property
    def backoff(self) -> Backoff:
        """The wait between attempts."""
        return Backoff(self.backoff_seconds, self.backoff_cap_seconds)

    def secret_bytes(self) -> bytes:
        """The server's secret.

        Raises:
            RuntimeError: there is none, or it is shorter than 32 characters.
        """
        text = self.secret.get_secret_value() if self.secret else self._secret_from_file()
        if len(text) < 32:
            raise RuntimeError("The server secret is shorter than 32 characters; make one with `openssl rand -hex 32`.")
        return text.encode()

    def previous_secret_bytes(self) -> tuple[bytes, ...]:
        """The secrets before this one, the newest first."""
        told = [secret.get_secret_value() for secret in self.previous_secrets]
        if self.secret is None:  # the file's history belongs to the file's secret
            with suppress(OSError):
                told += self.previous_file.read_text().split()
        return tuple(text.encode() for text in told)

    @property
    def previous_file(self) -> Path:
        """Where the secrets before this one are."""
        return self.secret_file.with_name(f"{self.secret_file.name}.previous")

    def _secret_from_file(self) -> str:
        try:
            return self.secret_file.read_text().strip()
        except OSError as error:
            raise RuntimeError(
                f"No server secret: set DISTILLERY_SECRET or write one to {self.secret_file} with mode 0600 "
                f"(`distill up` does it) ({error.strerror})."
            ) from None


def cap_settings() -> dict[str, str]:
    """The engine's cap that each setting of the kind sets."""
    of_datasets = (name for name in Settings.model_fields if name.startswith(_CAPS))
    return {name: name.removeprefix(_CAPS) for name in of_datasets} | _MODEL_CAPS


@lru_cache(maxsize=1)
def settings() -> Settings:
    """The settings of this process, read once."""
    return Settings()
