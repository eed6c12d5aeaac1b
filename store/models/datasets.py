"""Datasets that users bring: each with numbered versions, each version with the files of its pack."""

from __future__ import annotations

from sqlalchemy import ForeignKey, ForeignKeyConstraint
from sqlalchemy.orm import Mapped, mapped_column

from store.models.base import Id
from store.models.brought import Thing, ThingFile, ThingVersion


class Dataset(Thing):
    """A dataset by its name."""

    __tablename__ = "datasets"


class DatasetVersion(ThingVersion):
    """A dataset as it was brought once."""

    __tablename__ = "dataset_versions"
    owner = "dataset_id"

    dataset_id: Mapped[str] = mapped_column(Id, ForeignKey("datasets.id", ondelete="CASCADE"), primary_key=True)


class DatasetFile(ThingFile):
    """A file of a version of a dataset."""

    __tablename__ = "dataset_files"
    __table_args__ = (
        ForeignKeyConstraint(
            ["dataset_id", "number"],
            ["dataset_versions.dataset_id", "dataset_versions.number"],
            name="fk_dataset_files_version",
            ondelete="CASCADE",
        ),
    )
    owner = "dataset_id"

    dataset_id: Mapped[str] = mapped_column(Id, primary_key=True)
