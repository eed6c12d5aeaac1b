"""A large upload over a line that breaks: is the file whole and right in the end, and does the service stay small?"""

from __future__ import annotations

import hashlib
import socket
import threading
import time
from pathlib import Path
from typing import Any

import httpx
from load_files import noise, resident
from load_sides import ours

from distillery import Client

PIECE = 2**16


class BreakingLine:
    """A relay to ``port`` that cuts all connections whenever another ``after`` bytes have gone up, ``times`` times."""

    def __init__(self, port: int, after: int, times: int) -> None:
        self.port, self.after, self.times = port, after, times
        self.sent, self.breaks = 0, 0
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._server = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._server.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            near, _ = self._server.accept()
            far = socket.create_connection(("127.0.0.1", self.port))
            with self._lock:
                self._open |= {near, far}
            threading.Thread(target=self._carry, args=(near, far, True), daemon=True).start()
            threading.Thread(target=self._carry, args=(far, near, False), daemon=True).start()

    def _carry(self, source: socket.socket, target: socket.socket, up: bool) -> None:
        try:
            while piece := source.recv(PIECE):
                target.sendall(piece)
                if up:
                    self._count(len(piece))
        except OSError:
            pass
        finally:
            for end in (source, target):
                end.close()

    def _count(self, size: int) -> None:
        with self._lock:
            self.sent += size
            due = self.breaks < self.times and self.sent >= (self.breaks + 1) * self.after
            self.breaks += due
            broken = list(self._open) if due else []
            self._open -= set(broken)
        for one in broken:
            one.close()


def measure_cut(folder: Path, database: str, gib: float = 1, times: int = 5) -> dict[str, Any]:
    """An upload by the client whose connections are all cut ``times`` times on the way."""
    size, source = int(gib * 2**30), folder / "cut"
    noise(source, size)
    with ours(folder, database) as us:
        line = BreakingLine(int(us.url.rpartition(":")[2]), size // (times + 1), times)
        before, began = resident(us.pid), time.perf_counter()
        key = us.headers["Authorization"].removeprefix("Bearer ")
        with Client(line.url, key) as client:
            upload, calls = _persistent(client, source)
        taken, after = time.perf_counter() - began, resident(us.pid)
        same = _digest(f"{us.url}/v1/uploads/{upload['id']}/content", us.headers) == _digest_of(source)
    return {
        "GiB": gib,
        "connections cut": line.breaks,
        "calls of the client": calls,
        "whole and right": same,
        "bytes sent for each byte": round(line.sent / size, 3),
        "MB/s": round(size / taken / 1e6, 1),
        "API memory MB before": before,
        "API memory MB after": after,
    }


def _persistent(client: Client, source: Path) -> tuple[dict[str, Any], int]:
    """The upload, begun again for as long as it fails: it goes on where it was cut."""
    for calls in range(1, 100):
        try:
            return dict(client.upload(source)), calls
        except Exception as error:
            print(f"cut: {type(error).__name__}")
    raise RuntimeError("it never came through")


def _digest(url: str, headers: dict[str, str]) -> str:
    found = hashlib.sha256()
    with httpx.stream("GET", url, headers=headers, timeout=60) as answer:
        for piece in answer.raise_for_status().iter_bytes(2**20):
            found.update(piece)
    return found.hexdigest()


def _digest_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
