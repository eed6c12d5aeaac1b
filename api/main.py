"""``api.main:app`` for any ASGI server; ``python -m api`` is the usual way to start it."""

from __future__ import annotations

from api import logs
from api.app import create_app

__all__ = ["app", "create_app"]

logs.configure()
app = create_app()
