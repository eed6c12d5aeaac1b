"""The registry of models on each database: versions follow their inspections, aliases and lineage follow versions."""

from __future__ import annotations

from typing import Any

import pytest
from registering import bring_model, pack_file, refuse
from sqlalchemy import select
from storing import must_take

from store import lineage, model_registry, records, registry
from store.database import Database
from store.errors import Conflict, NotFound
from store.models import Artifact, DeadFile, Job, Model, ModelVersion
from store.shelves import MODELS

CARD: dict[str, Any] = {"version": 1, "name": "teacher", "task": "classification", "sha256": "a" * 64, "report": {}}
FILES = (pack_file("model.json", "card"), pack_file("weights.safetensors"))


def ready(db: Database, name: str = "teacher") -> ModelVersion:
    """A model whose inspection ended well."""
    version = bring_model(db, name)
    with db.write() as session:
        records.publish(session, must_take(db).lease, {"card": CARD, "report": {"mapped": 5}}, FILES)
    return version


def model(db: Database, model_id: str) -> Model:
    with db.read() as session:
        return session.get_one(Model, model_id)


def test_a_version_is_ready_with_its_files_when_its_inspection_succeeds(db: Database) -> None:
    version = ready(db)
    now = model(db, version.model_id)
    assert (now.status, now.latest, now.task) == ("ready", 1, "classification")
    with db.read() as session:
        found = registry.get_version(session, MODELS, now, 1)
        assert [file.path for file in registry.files(session, MODELS, found)] == ["model.json", "weights.safetensors"]
        inputs = registry.inputs_of(session, MODELS, found, "inputs/models/teacher")
    assert {file.path for file in inputs} == {f"inputs/models/teacher/{file.name}" for file in FILES}
    assert {file.origin for file in inputs} == {f"{version.model_id}/1"}


def test_a_version_that_is_refused_says_why(db: Database) -> None:
    version = bring_model(db)
    refuse(db, must_take(db).lease)
    assert model(db, version.model_id).status == "failed"


def test_an_alias_holds_its_version(db: Database) -> None:
    version = ready(db)
    with db.write() as session:
        owner = session.get_one(Model, version.model_id)
        model_registry.set_alias(session, owner, "champion", 1)
        assert model_registry.aliases(session, [owner.id]) == {owner.id: {"champion": 1}}
        with pytest.raises(NotFound):
            model_registry.set_alias(session, owner, "champion", 2)
        with pytest.raises(Conflict, match="all that model"):
            model_registry.delete_version(session, owner, 1)
        model_registry.remove_alias(session, owner, "champion")
        with pytest.raises(NotFound):
            model_registry.remove_alias(session, owner, "champion")


def test_a_version_that_waits_is_not_named_and_not_deleted(db: Database) -> None:
    version = bring_model(db)
    with db.write() as session:
        owner = session.get_one(Model, version.model_id)
        with pytest.raises(Conflict, match="needs a ready one"):
            model_registry.set_alias(session, owner, "champion", 1)
        with pytest.raises(Conflict, match="is used by"):
            registry.delete_thing(session, MODELS, owner)


def test_a_deleted_model_lets_its_files_go(db: Database) -> None:
    version = ready(db)
    with db.write() as session:
        owner = session.get_one(Model, version.model_id)
        model_registry.set_alias(session, owner, "champion", 1)
        registry.delete_thing(session, MODELS, owner)
    with db.read() as session:
        assert session.get(Model, version.model_id) is None
        assert {file.key for file in FILES} <= set(session.scalars(select(DeadFile.key)))


def test_what_a_job_left_stays_its_own_when_the_model_goes(db: Database) -> None:
    first = ready(db)
    with db.write() as session:
        job = session.get_one(Job, first.job_id)
        owner = session.get_one(Model, first.model_id)
        left = model_registry.artifacts(session, job)
        kept = model_registry.keep(session, owner, job, CARD, {"weights.safetensors": left["weights.safetensors"]}, [])
        assert (kept.number, kept.status, kept.bytes) == (2, "ready", left["weights.safetensors"].bytes)
    with db.read() as session:
        assert session.scalars(select(Artifact).where(Artifact.job_id == first.job_id)).all()


def test_lineage_calls_an_upload_by_the_name_of_its_file(db: Database) -> None:
    version = ready(db)
    with db.write() as session:
        row = session.get_one(ModelVersion, (version.model_id, 1))
        row.source = {"uploads": [{"id": "up_1", "name": "resnet8.pth"}]}
        row.parents = {"of": [{"kind": "upload", "id": "up_1", "role": "source"}]}
    with db.read() as session:
        graph = lineage.lineage(session, session.get_one(Model, version.model_id), 1)
    assert graph.nodes["up_1"]["name"] == "resnet8.pth"


def test_lineage_survives_a_parent_that_is_gone(db: Database) -> None:
    version = ready(db)
    parent = {"kind": "model", "id": "mdl_01k8t2v4x6a8c0e2g4h6j8k0m2", "version": 3, "role": "teacher"}
    with db.write() as session:
        session.get_one(ModelVersion, (version.model_id, 1)).parents = {"of": [parent]}
    with db.read() as session:
        graph = lineage.lineage(session, session.get_one(Model, version.model_id), 1)
    assert graph.nodes["mdl_01k8t2v4x6a8c0e2g4h6j8k0m2/3"]["deleted"] is True
    assert [edge["role"] for edge in graph.edges.values()] == ["teacher"]


def test_what_a_model_is_stands_on_the_card_of_its_latest_ready_version(db: Database) -> None:
    network, table, refused = ready(db, "network"), ready(db, "table"), bring_model(db, "refused")
    with db.write() as session:
        card = {**CARD, "kind": "weights", "architecture": "bert-12", "parameters": 7_000_000_000}
        session.get_one(ModelVersion, (network.model_id, 1)).card = card
        session.get_one(ModelVersion, (table.model_id, 1)).card = {**CARD, "kind": "outputs", "parameters": None}
    with db.read() as session:
        models = [session.get_one(Model, version.model_id) for version in (network, table, refused)]
        found = model_registry.essences(session, models)
    assert [tuple(found[one.id]) for one in models] == [
        ("weights", "bert-12", 7_000_000_000),
        ("outputs", None, None),
        (None, None, None),
    ]


def test_lineage_of_a_circle_ends(db: Database) -> None:
    first, second = ready(db, "first"), ready(db, "second")
    with db.write() as session:
        for one, other in ((first, second), (second, first)):
            parent = {"kind": "model", "id": other.model_id, "version": 1, "role": "teacher"}
            session.get_one(ModelVersion, (one.model_id, 1)).parents = {"of": [parent]}
    with db.read() as session:
        graph = lineage.lineage(session, session.get_one(Model, first.model_id), 1)
    assert len(graph.nodes) == 2
    assert len(graph.edges) == 2
