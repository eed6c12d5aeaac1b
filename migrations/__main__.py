"""`python -m migrations` upgrades the database that the settings name."""

from __future__ import annotations

import sys

from sqlalchemy import make_url
from sqlalchemy.exc import OperationalError

from store.migrate import head, upgrade
from store.settings import settings


def main() -> int:
    """Upgrades and says so in one line."""
    url = settings().database_url
    shown = make_url(url).render_as_string(hide_password=True)
    try:
        upgrade(url)
    except OperationalError as error:
        print(f"Cannot reach {shown}: {error.orig}", file=sys.stderr)
        return 1
    print(f"{shown} is at revision {head()}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
