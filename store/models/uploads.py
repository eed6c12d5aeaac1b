"""Files that users bring, in parts."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from store.columns import Serial, Text
from store.models.base import Base, Digest, Id, Name, of_project

_OPEN = text("status = 'open'")


class Upload(Base):
    """A file that arrives in parts; ``digest`` is the sha256 over the digests of its parts."""

    __tablename__ = "uploads"
    __table_args__ = (
        Index("ix_uploads_list", "project_id", "created_at", "id"),
        Index("ix_uploads_expiry", "expires_at", postgresql_where=_OPEN, sqlite_where=_OPEN),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    project_id: Mapped[str] = of_project()
    name: Mapped[str] = mapped_column(Name)
    bytes: Mapped[int] = mapped_column(Serial)
    part_bytes: Mapped[int] = mapped_column(Serial)
    status: Mapped[str] = mapped_column(Text(12))
    digest: Mapped[str | None] = mapped_column(Digest)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    completed_at: Mapped[datetime | None]
    parts: Mapped[list[UploadPart]] = relationship(
        cascade="all, delete-orphan", passive_deletes=True, order_by="UploadPart.number"
    )


class UploadPart(Base):
    """One part, in the store of files under ``key``."""

    __tablename__ = "upload_parts"

    upload_id: Mapped[str] = mapped_column(Id, ForeignKey("uploads.id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    sha256: Mapped[str] = mapped_column(Digest)
    bytes: Mapped[int] = mapped_column(Serial)
    key: Mapped[str] = mapped_column(Name, index=True)
    created_at: Mapped[datetime]
