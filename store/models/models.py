"""Models that users bring or keep from their jobs: each with numbered versions, their files, and names for versions."""

from __future__ import annotations

from sqlalchemy import ForeignKey, ForeignKeyConstraint
from sqlalchemy.orm import Mapped, mapped_column

from store.columns import Text
from store.models.base import Base, Id, Json
from store.models.brought import Thing, ThingFile, ThingVersion


class Model(Thing):
    """A model by its name."""

    __tablename__ = "models"


class ModelVersion(ThingVersion):
    """A model as it was brought once, or as a job left it. ``job_id`` is the inspection, or that job.

    ``parents["of"]`` lists what it was made from, such as ``{"kind": "dataset", "id": "ds_...", "version": 3, "role":
    "dataset"}``.
    """

    __tablename__ = "model_versions"
    owner = "model_id"

    model_id: Mapped[str] = mapped_column(Id, ForeignKey("models.id", ondelete="CASCADE"), primary_key=True)
    parents: Mapped[Json]


class ModelFile(ThingFile):
    """A file of a version of a model."""

    __tablename__ = "model_files"
    __table_args__ = (
        ForeignKeyConstraint(
            ["model_id", "number"],
            ["model_versions.model_id", "model_versions.number"],
            name="fk_model_files_version",
            ondelete="CASCADE",
        ),
    )
    owner = "model_id"

    model_id: Mapped[str] = mapped_column(Id, primary_key=True)


class ModelAlias(Base):
    """A name that users keep pointed at a version, such as ``champion``."""

    __tablename__ = "model_aliases"
    __table_args__ = (
        ForeignKeyConstraint(
            ["model_id", "number"],
            ["model_versions.model_id", "model_versions.number"],
            name="fk_model_aliases_version",
            ondelete="CASCADE",
        ),
    )

    model_id: Mapped[str] = mapped_column(Id, primary_key=True)
    alias: Mapped[str] = mapped_column(Text(60), primary_key=True)
    number: Mapped[int]
