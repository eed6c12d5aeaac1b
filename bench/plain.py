"""The plainest programs that do what the service does: what `bench/service.py` is measured against."""

from __future__ import annotations

import base64
import hashlib
import os
import secrets
import tempfile
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from sqlalchemy import (
    JSON,
    Column,
    DateTime,
    Integer,
    MetaData,
    String,
    Table,
    create_engine,
    event,
    func,
    insert,
    select,
)
from starlette.responses import FileResponse

metadata = MetaData()
rows = Table(
    "plain_jobs",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("created_at", DateTime(timezone=True), server_default=func.now(), index=True),
    Column("name", String(200)),
    Column("size", Integer),
    Column("spec", JSON),
)


def plain_app() -> FastAPI:
    """One statement to create, one to list, Starlette's own file response, and a file that is written and hashed."""
    app, folder = FastAPI(), Path(os.environ["PLAIN_FOLDER"])
    engine = create_engine(os.environ["PLAIN_DATABASE"], pool_size=10, max_overflow=20)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA journal_mode = WAL"))
    metadata.create_all(engine)

    @app.post("/jobs", status_code=201)
    def create(body: dict[str, Any]) -> dict[str, str]:
        made = secrets.token_hex(16)
        with engine.begin() as connection:
            connection.execute(insert(rows).values(id=made, name=body["name"], size=len(body), spec=body))
        return {"id": made}

    @app.get("/jobs")
    def find() -> list[dict[str, Any]]:
        with engine.connect() as connection:
            found = connection.execute(select(rows).order_by(rows.c.created_at.desc()).limit(20))
            return [{"id": row.id, "name": row.name} for row in found]

    @app.get("/file")
    def send() -> FileResponse:
        return FileResponse(folder / "download")

    @app.put("/file")
    async def take(request: Request) -> dict[str, str]:
        digest = hashlib.sha256()
        with tempfile.TemporaryFile(dir=folder) as file:
            async for chunk in request.stream():
                digest.update(chunk)
                file.write(chunk)
        return {"sha256": base64.b64encode(digest.digest()).decode()}

    return app
