"""``python -m store``: save the truth to one file, bring it back, or make another server secret."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from sqlalchemy.exc import OperationalError, ProgrammingError

from store.backup import backup, restore
from store.database import Database
from store.errors import StoreError
from store.files import files
from store.keys import rotate_secret
from store.settings import Settings


def arguments() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m store", description="Save a service's truth, or bring it back.")
    commands = parser.add_subparsers(dest="command", required=True)
    made = commands.add_parser("backup", help="write every row and every file to one zip")
    made.add_argument("path", type=Path)
    made.add_argument("--no-files", action="store_true", help="rows only; the store of files has its own copies")
    commands.add_parser("restore", help="fill an empty service").add_argument("path", type=Path)
    commands.add_parser("rotate-secret", help="make a new server secret; restart the API afterwards")
    return parser


def main(words: Sequence[str] | None = None) -> int:
    """Exit code 1 with one line when it does not work."""
    chosen, settings = arguments().parse_args(words), Settings()
    if chosen.command == "rotate-secret":
        return _rotate(settings)
    try:
        if chosen.command == "backup":
            _backup(chosen.path, settings, with_files=not chosen.no_files)
        else:
            restore(chosen.path, settings.database_url, files(settings), say=print)
    except StoreError as error:
        return _failed(error.message)
    except (OperationalError, ProgrammingError) as error:
        return _failed(f"the database does not do what was asked: {str(error.orig).splitlines()[0]}")
    except OSError as error:
        return _failed(f"{error.filename or chosen.path}: {error.strerror}")
    print("Keep the server's secret, too: without it every API key has to be made again.")
    return 0


def _backup(path: Path, settings: Settings, *, with_files: bool) -> None:
    database = Database(settings.database_url)
    try:
        backup(database, files(settings) if with_files else None, path, say=print)
    finally:
        database.close()


def _rotate(settings: Settings) -> int:
    if settings.secret is not None:
        remedy = "set a new one, and the old one as DISTILLERY_PREVIOUS_SECRETS"
        return _failed(f"the secret comes from DISTILLERY_SECRET: {remedy}")
    try:
        rotate_secret(settings.secret_file, settings.previous_file)
    except OSError as error:
        return _failed(f"{settings.secret_file}: {error.strerror}")
    print("Restart the API. Keys are taken over as they are used; sessions have ended; webhooks have new secrets, too.")
    print(f"When all keys were used once, remove {settings.previous_file}.")
    return 0


def _failed(why: str) -> int:
    print(f"distillery: {why}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
