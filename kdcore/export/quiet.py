"""Libraries that talk while they work, kept from talking into our output."""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """No prints, warnings or log lines below ERROR from inside the block; the root logger stays as it was."""
    # `logging.warning` installs a handler on a bare root logger; it would outlive the block and point nowhere.
    root, disabled = logging.getLogger(), logging.root.manager.disable
    handlers = list(root.handlers)
    silence = io.StringIO()
    with contextlib.ExitStack() as stack:
        stack.callback(setattr, root, "handlers", handlers)
        stack.callback(logging.disable, disabled)
        stack.enter_context(contextlib.redirect_stdout(silence))
        stack.enter_context(contextlib.redirect_stderr(silence))
        stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore")
        logging.disable(logging.WARNING)
        yield
