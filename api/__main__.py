"""``python -m api``: serve, or make a key."""

from __future__ import annotations

import argparse
import errno
import ipaddress
import os
import signal
import socket
import sys
from collections.abc import Sequence
from types import FrameType

import uvicorn
from fastapi import FastAPI
from pydantic import ValidationError
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from api import limits, logs
from api.app import create_app
from api.auth import ADMIN, OPERATE, SCOPES
from api.edge import LOOPBACK
from api.services import LOCAL_PROJECT
from store import keys, projects
from store.database import Database, database_address
from store.files import files
from store.settings import Settings


class Refusal(Exception):
    """Why the program does not start, in one line."""


class Server(uvicorn.Server):
    """Ends open streams as soon as it is told to stop: uvicorn would wait for them first."""

    def __init__(self, config: uvicorn.Config, app: FastAPI) -> None:
        super().__init__(config)
        self._app = app

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        super().handle_exit(sig, frame)
        services = getattr(self._app.state, "services", None)
        if services is not None:
            services.hub.stop_soon()


def serve(settings: Settings) -> None:
    """Listen until told to stop.

    Raises:
        Refusal: the address cannot be used, or ought not to be.
    """
    check_exposure(settings)
    check_addresses(settings)
    settings.secret_bytes()
    listener = bind(settings.host, settings.port)
    settings.port = listener.getsockname()[1]
    logs.configure()
    app = create_app(settings)
    config = uvicorn.Config(
        app,
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=list(settings.trusted_proxies),
        timeout_graceful_shutdown=limits.STOP_SECONDS,
        timeout_keep_alive=30,
    )
    for number in (signal.SIGTERM, signal.SIGINT):
        # uvicorn raises the signal again when it has shut down in good order; that is no failure.
        signal.signal(number, lambda *_: sys.exit(0))
    logs.log.info("listening", url=f"http://{url_host(settings.host)}:{settings.port}", pid=os.getpid())
    Server(config, app).run(sockets=[listener])


def check_exposure(settings: Settings) -> None:
    """Refuse to listen to other machines before somebody has said by which names."""
    if is_loopback(settings.host):
        return
    if all(host.strip("[]") in LOOPBACK for host in settings.allowed_hosts):
        raise Refusal(
            f"DISTILLERY_HOST={settings.host} opens the service to other machines: set DISTILLERY_ALLOWED_HOSTS "
            "to the names it shall answer to, or listen on 127.0.0.1"
        )
    if not settings.auth:
        raise Refusal(f"DISTILLERY_AUTH=false is for loopback only, not for DISTILLERY_HOST={settings.host}")


def check_addresses(settings: Settings) -> None:
    """Refuse addresses of databases and files that nothing here can talk to."""
    try:
        database_address(settings.database_url)
        files(settings)
    except (ValueError, ArgumentError) as error:
        raise Refusal(str(error).splitlines()[0]) from None


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach ``host``."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def url_host(host: str) -> str:
    """A host as URLs write it."""
    return f"[{host}]" if ":" in host else host


def bind(host: str, port: int) -> socket.socket:
    """A listening socket.

    Raises:
        Refusal: the address is in use or not ours, with the remedy.
    """
    address = f"{url_host(host)}:{port}"
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(2048)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            remedy = "stop the program that listens there, or choose another port with DISTILLERY_PORT or --port"
            raise Refusal(f"{address} is in use: {remedy}") from None
        remedy = "choose an address of this machine and a port that you may use (DISTILLERY_HOST, DISTILLERY_PORT)"
        raise Refusal(f"{address} cannot be listened on ({error.strerror}): {remedy}") from None
    return listener


def create_key(settings: Settings, name: str, scopes: list[str], project: str) -> None:
    """Print a new key; nobody can read it again."""
    database = Database(settings.database_url)
    try:
        with database.write() as session:
            owner = projects.ensure_project(session, project)
            _, plaintext = keys.create_key(session, owner.id, name, scopes, secret=settings.secret_bytes())
    except SQLAlchemyError as error:
        reason = str(error).splitlines()[0]
        raise Refusal(f"the database is not ready: run 'python -m migrations' first ({reason})") from None
    finally:
        database.close()
    print(plaintext)


def first_scopes(project: str) -> list[str]:
    """Who can run this program operates the service; other projects' keys need not."""
    return [ADMIN, OPERATE] if project == LOCAL_PROJECT else [ADMIN]


def arguments() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m api", description="Serve Distillery's API and dashboard.")
    parser.add_argument("--host", help="address to listen on (DISTILLERY_HOST)")
    parser.add_argument("--port", type=int, help="port to listen on, 0 for any (DISTILLERY_PORT)")
    commands = parser.add_subparsers(dest="command")
    key = commands.add_parser("create-key", help="make an API key and print it once")
    key.add_argument("--name", required=True, help="what the key is for")
    key.add_argument("--scopes", nargs="+", choices=SCOPES, help="admin, and operate too in the first project")
    key.add_argument("--project", default=LOCAL_PROJECT)
    return parser


def main(words: Sequence[str] | None = None) -> int:
    """Exit code 2 with one line when it cannot start."""
    chosen = arguments().parse_args(words)
    try:
        given = {name: getattr(chosen, name) for name in ("host", "port") if getattr(chosen, name) is not None}
        settings = Settings(**given)
        if chosen.command == "create-key":
            create_key(settings, chosen.name, chosen.scopes or first_scopes(chosen.project), chosen.project)
        else:
            serve(settings)
    except (Refusal, RuntimeError) as error:
        print(f"distillery: {error}", file=sys.stderr)
        return 2
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        print(f"distillery: a setting is wrong: {wrong}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
