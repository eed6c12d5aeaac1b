"""Where a project wants to be told of its jobs, and every message to there."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from store.columns import Text, Verbatim
from store.models.base import Base, Id, Json, Name, of_project

_PENDING = text("status = 'pending'")


class WebhookEndpoint(Base):
    """An address. Its secret is derived from the server's and ``generation``, so that none is kept."""

    __tablename__ = "webhook_endpoints"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    project_id: Mapped[str] = of_project(index=True)
    name: Mapped[str] = mapped_column(Name)
    url: Mapped[str] = mapped_column(Text(2000))
    events: Mapped[list[str]]
    generation: Mapped[int] = mapped_column(default=1)
    rotated_at: Mapped[datetime | None]
    disabled_at: Mapped[datetime | None]
    disabled_reason: Mapped[str | None] = mapped_column(Text(80))
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime]


class WebhookDelivery(Base):
    """One message to one endpoint, with what became of each try."""

    __tablename__ = "webhook_deliveries"
    __table_args__ = (
        Index("ix_webhook_deliveries_list", "endpoint_id", "created_at", "id"),
        Index("ix_webhook_deliveries_due", "next_at", postgresql_where=_PENDING, sqlite_where=_PENDING),
        Index("ix_webhook_deliveries_created_at", "created_at"),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    endpoint_id: Mapped[str] = mapped_column(Id, ForeignKey("webhook_endpoints.id", ondelete="CASCADE"))
    type: Mapped[str] = mapped_column(Text(40))
    payload: Mapped[Json] = mapped_column(Verbatim)
    status: Mapped[str] = mapped_column(Text(12))
    tries: Mapped[list[Any]] = mapped_column(Verbatim)
    next_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
