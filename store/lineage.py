"""Where a model comes from and what came of it: a graph of versions, jobs, datasets and uploads."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from store import registry
from store.models import Dataset, Job, JobInput, JobKind, Model, ModelVersion
from store.shelves import MODELS

NODES_MAX = 200
"""Beyond so many nodes the graph is cut; it says so."""

Json = dict[str, Any]


@dataclass
class Graph:
    """Nodes by id, and edges from what was used to what came of it."""

    nodes: dict[str, Json] = field(default_factory=dict)
    edges: dict[tuple[str, str, str], Json] = field(default_factory=dict)
    truncated: bool = False

    def add(self, node: Json) -> bool:
        """Whether the node was new, and there was room."""
        if node["id"] in self.nodes:
            return False
        if len(self.nodes) >= NODES_MAX:
            self.truncated = True
            return False
        self.nodes[node["id"]] = node
        return True

    def join(self, source: str, target: str, role: str) -> None:
        """An edge between nodes that are there."""
        if source in self.nodes and target in self.nodes:
            self.edges[(source, target, role)] = {"from": source, "to": target, "role": role}


def lineage(session: Session, model: Model, number: int) -> Graph:
    """Everything that a version was made from, and everything that was made from it.

    Raises:
        NotFound: the model has no such version.
    """
    start = registry.get_version(session, MODELS, model, number)
    graph = Graph()
    waiting: deque[ModelVersion] = deque([start])
    graph.add(_version_node(model, start))
    while waiting:
        version = waiting.popleft()
        waiting += _above(session, graph, version)
        waiting += _below(session, graph, version, model.project_id)
    return graph


def _version_node(model: Model, version: ModelVersion) -> Json:
    return {
        "id": registry.origin(version),
        "kind": "model",
        "name": model.name,
        "version": version.number,
        "status": version.status,
    }


def _above(session: Session, graph: Graph, version: ModelVersion) -> Iterator[ModelVersion]:
    """What a version was made from; model versions among it are followed further."""
    own = registry.origin(version)
    job = session.get(Job, version.job_id)
    through = own
    if job is not None and job.kind == JobKind.DISTILLATION:
        graph.add({"id": job.id, "kind": "job", "name": job.name, "status": job.status})
        graph.join(job.id, own, "made")
        through = job.id
    for parent in version.parents["of"]:
        found = _parent(session, parent, version.source)
        fresh = graph.add(found)
        graph.join(found["id"], through, str(parent["role"]))
        if fresh and parent["kind"] == "model" and not found.get("deleted"):
            above = session.get(ModelVersion, (parent["id"], parent["version"]))
            if above is not None:
                yield above


def _parent(session: Session, parent: Json, source: Json) -> Json:
    kind, version = str(parent["kind"]), parent.get("version")
    place = str(parent.get("id") or parent.get("name"))
    sent = {upload["id"]: upload["name"] for upload in source.get("uploads", ())}  # the row of an upload goes early
    name = parent.get("name") or sent.get(place)
    node = {"id": f"{place}/{version}" if version is not None else place, "kind": kind, "name": name}
    if version is not None:
        node["version"] = version
    table: Any = {"model": Model, "dataset": Dataset}.get(kind)
    if table is not None:
        row = session.get(table, place)
        node["deleted"] = row is None
        node["name"] = node["name"] if row is None else row.name
    return node


def _below(session: Session, graph: Graph, version: ModelVersion, project_id: str) -> Iterator[ModelVersion]:
    """Jobs that began with a version, and the versions that were kept of them."""
    own = registry.origin(version)
    users = select(Job).join(JobInput, JobInput.job_id == Job.id)
    users = users.where(JobInput.origin == own, Job.project_id == project_id).distinct().order_by(Job.id)
    for job in session.scalars(users.limit(NODES_MAX)):
        graph.add({"id": job.id, "kind": "job", "name": job.name, "status": job.status})
        for role in _roles(session, job.id, own):
            graph.join(own, job.id, role)
        kept = select(ModelVersion, Model).join(Model).where(ModelVersion.job_id == job.id)
        for made, model in session.execute(kept):
            fresh = graph.add(_version_node(model, made))
            graph.join(job.id, registry.origin(made), "made")
            if fresh:
                yield made


def _roles(session: Session, job_id: str, origin: str) -> list[str]:
    """What a version is in a job, in the words of ``parents``: its files lie below ``inputs/models/NETWORK``."""
    paths = session.scalars(select(JobInput.path).where(JobInput.job_id == job_id, JobInput.origin == origin))
    networks = {path.split("/")[2] for path in paths}
    return sorted("init" if network == "student" else network for network in networks)
