"""Why an export could not be written or must not be handed out."""

from __future__ import annotations

import re

from kdcore.errors import EngineError


class ExportError(EngineError):
    """An export that cannot be made; the message is the reason that the user reads."""

    def __init__(self, message: str) -> None:
        super().__init__("export_failed", message)


def root_cause(error: BaseException) -> str:
    """One line about what went wrong at the bottom of a chain of exceptions."""
    while error.__cause__ is not None:
        error = error.__cause__
    text = f"{type(error).__name__}: {' '.join(str(error).split())}"
    # The reason is shown to users: a file keeps its name, its folders are this machine's own business.
    text = re.sub(r"(?<![\w.])(?:/[\w.+-]+)+/([\w.+-]+)", r"\1", text)
    return text if len(text) <= 300 else text[:299] + "…"
