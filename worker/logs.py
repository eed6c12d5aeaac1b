"""A worker's own log: one line an event on stderr, JSON unless somebody watches at a terminal."""

from __future__ import annotations

import logging
import re
import sys
from typing import Any

import structlog

# A broker's or database's address may hold a password; libraries like to name it.
_PASSWORD = re.compile(r"(\w://[^:/@\s]*:)[^@\s]+@")


def configure(level: str = "INFO") -> None:
    """Send our lines and those of the libraries the same way."""
    shared: list[Any] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    renderer = structlog.dev.ConsoleRenderer() if sys.stderr.isatty() else structlog.processors.JSONRenderer()
    last: list[Any] = [structlog.stdlib.ProcessorFormatter.remove_processors_meta]
    last += [structlog.processors.format_exc_info]
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=[*last, _hide_passwords, renderer])
    )
    logging.basicConfig(handlers=[handler], level=level, force=True)
    for library in ("celery", "kombu"):
        logging.getLogger(library).setLevel(logging.WARNING)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )


def _hide_passwords(_: Any, __: str, event: Any) -> Any:
    for name, value in event.items():
        if isinstance(value, str):
            event[name] = _PASSWORD.sub(r"\1***@", value)
    return event
