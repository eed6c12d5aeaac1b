"""Which service to talk to and with which key: arguments, then environment, then what `distill up` wrote."""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from distillery.errors import ConfigError

DEFAULT_URL = "http://127.0.0.1:8400"


@dataclass(frozen=True)
class Connection:
    """An address and the key for it."""

    url: str
    key: str | None

    def __repr__(self) -> str:
        return f"Connection(url={self.url!r}, key={'set' if self.key else None})"


def home_folder(home: Path | None = None) -> Path:
    """The folder of the local service: the argument, DISTILLERY_HOME, or ~/.distillery."""
    return (home or Path(os.environ.get("DISTILLERY_HOME") or "~/.distillery")).expanduser().absolute()


def connection(url: str | None = None, key: str | None = None, *, home: Path | None = None) -> Connection:
    """Resolve address and key; each of the two may come from another place."""
    url, key = url or os.environ.get("DISTILLERY_URL"), key or os.environ.get("DISTILLERY_API_KEY")
    stored = None if url and key else read_connection(home_folder(home))
    url = url or (stored.url if stored else DEFAULT_URL)
    if key is None and stored is not None and origin(stored.url) == origin(url):
        # The stored key opens one server; sending it to another would give it away.
        key = stored.key
    return Connection(checked_url(url), key)


def read_connection(home: Path) -> Connection | None:
    """What `distill up` wrote into this home, or nothing."""
    path = home / "client.json"
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        return Connection(stored["url"], stored["key"])
    except FileNotFoundError:
        return None
    except PermissionError as error:
        raise ConfigError(f"{path} is not yours to read: set DISTILLERY_HOME or DISTILLERY_URL.") from error
    except (ValueError, KeyError, TypeError, NotADirectoryError) as error:
        raise ConfigError(f"{path} is damaged: delete it and run `distill up` again.") from error


def checked_url(url: str) -> str:
    """An http(s) address without its trailing slash."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise ConfigError(f"The service's address {url!r} is not one: write it as http://host:port.")
    return url.rstrip("/")


def origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc
