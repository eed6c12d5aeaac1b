"""Models that users bring or keep from their jobs, with their versions, files, aliases and lineage."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal, Self

from pydantic import BaseModel, Field

from api.resources.base import AnyJson, ErrorJson
from api.resources.brought import File, Status, Thing, Version
from store.lineage import Graph
from store.model_registry import Essence
from store.models import Model as ModelRow
from store.models import ModelVersion as ModelVersionRow
from store.models import ThingVersion as VersionRow


class Model(Thing):
    """A model of the project, by its name."""

    collection = "/v1/models"
    object: Literal["model"] = "model"
    id: str = Field(examples=["mdl_01k8t2v4x6a8c0e2g4h6j8k0m2"])
    kind: Literal["weights", "onnx", "outputs"] | None = Field(description="of its latest ready version")
    architecture: str | None = Field(description="of its latest ready version, where it has one that we build")
    parameters: int | None = Field(description="of its latest ready version, where they can be counted")
    aliases: dict[str, int] = Field(description="numbers of versions by the names that users gave them")
    version: int = Field(description="grows with each change of the model or of a version's status; also the ETag")
    created_at: datetime
    urls: dict[str, str]


class ModelVersion(Version):
    """A model as it was brought once, or as a job left it."""

    collection = "/v1/models"
    parts = ("files",)
    object: Literal["model_version"] = "model_version"
    id: str = Field(examples=["mdl_01k8t2v4x6a8c0e2g4h6j8k0m2/1"])
    model_id: str
    number: int
    status: Status
    job_id: str = Field(description="its inspection, or the job that left it")
    source: AnyJson = Field(description="where it came from")
    parents: list[AnyJson] = Field(description="what it was made from: dataset, teacher, initial weights")
    error: ErrorJson | None = Field(description="why it cannot be used")
    sha256: str | None = Field(description="over its files")
    bytes: int | None = Field(description="of its files")
    created_at: datetime
    ended_at: datetime | None
    urls: dict[str, str]

    @classmethod
    def of(cls, row: VersionRow, **own: Any) -> Self:
        """The version of a row."""
        assert isinstance(row, ModelVersionRow)
        return super().of(row, parents=row.parents["of"], **own)


class ModelVersionDetail(ModelVersion):
    """A version with how it was asked for and what came of it."""

    options: AnyJson
    card: AnyJson | None = Field(description="kind, architecture, input, classes, sizes: what a job is planned by")
    report: AnyJson | None = Field(description="keys mapped, missing and unexpected; or the figures of the job")


class ModelFile(File):
    """A file of a version."""

    version = ModelVersion
    object: Literal["model_file"] = "model_file"
    path: str = Field(examples=["weights.safetensors"])


class Lineage(BaseModel):
    """What a version was made from and what was made from it: edges go from what was used to what came of it."""

    object: Literal["lineage"] = "lineage"
    root: str = Field(description="the version that was asked about")
    nodes: list[AnyJson]
    edges: list[AnyJson]
    truncated: bool = Field(description="whether there is more than is shown")


class LocalWeights(BaseModel):
    """A file in the operator's folder of weights, which can be imported as ``import``."""

    object: Literal["local_weights"] = "local_weights"
    imported: str = Field(serialization_alias="import", examples=["weights/resnet18-f37072fd.pth"])
    name: str
    bytes: int
    architectures: list[str] = Field(description="whose weights it may hold, judged by its name")


def model(row: ModelRow, aliases: Mapping[str, int], essence: Essence) -> Model:
    """The model of a row."""
    urls = {"self": Model.path(row.id), "versions": Model.path(row.id, "versions")}
    urls["lineage"] = Model.path(row.id, "lineage")
    if row.latest is not None:
        urls["latest"] = ModelVersion.path(row.id, row.latest)
    return Model.of(row, aliases=dict(aliases), urls=urls, **essence._asdict())


def lineage(graph: Graph, root: str) -> Lineage:
    """The graph of a version."""
    nodes, edges = list(graph.nodes.values()), list(graph.edges.values())
    return Lineage(root=root, nodes=nodes, edges=edges, truncated=graph.truncated)
