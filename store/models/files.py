"""Files that something refers to, by their keys in the store of files."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from store.columns import Serial, Text
from store.models.base import Base, Digest, Id, Name, of_job


class Checkpoint(Base):
    """A state that a later attempt can start from; it exists only when all its files are stored."""

    __tablename__ = "checkpoints"
    __table_args__ = (Index("ix_checkpoints_job", "job_id", "attempt", "id"),)

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    job_id: Mapped[str] = of_job()
    attempt: Mapped[int]
    run: Mapped[str | None] = mapped_column(Text(60))
    step: Mapped[int] = mapped_column(Serial)
    epoch: Mapped[float | None]
    damaged: Mapped[bool] = mapped_column(default=False)
    bytes: Mapped[int] = mapped_column(Serial)
    created_at: Mapped[datetime]
    files: Mapped[list[CheckpointFile]] = relationship(
        cascade="all, delete-orphan", passive_deletes=True, order_by="CheckpointFile.path"
    )


class CheckpointFile(Base):
    """A file of a checkpoint: where it belongs in the working folder, and its key in the store of files."""

    __tablename__ = "checkpoint_files"

    checkpoint_id: Mapped[str] = mapped_column(Id, ForeignKey("checkpoints.id", ondelete="CASCADE"), primary_key=True)
    path: Mapped[str] = mapped_column(Text(400), primary_key=True)
    sha256: Mapped[str] = mapped_column(Digest)
    bytes: Mapped[int] = mapped_column(Serial)
    key: Mapped[str] = mapped_column(Name, index=True)


class Artifact(Base):
    """A file that a succeeded job offers."""

    __tablename__ = "artifacts"
    __table_args__ = (UniqueConstraint("job_id", "name"),)

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    job_id: Mapped[str] = of_job()
    name: Mapped[str] = mapped_column(Name)
    kind: Mapped[str] = mapped_column(Text(40))
    media_type: Mapped[str] = mapped_column(Text(120))
    sha256: Mapped[str] = mapped_column(Digest)
    bytes: Mapped[int] = mapped_column(Serial)
    key: Mapped[str] = mapped_column(Name, index=True)
    created_at: Mapped[datetime]


class DeadFile(Base):
    """A file that lost a reference; the sweep removes it later unless something else refers to it."""

    __tablename__ = "dead_files"

    key: Mapped[str] = mapped_column(Name, primary_key=True)
    since: Mapped[datetime] = mapped_column(index=True)
