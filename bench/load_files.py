"""One large file, down and up."""

from __future__ import annotations

import base64
import hashlib
import random
import statistics
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
from api_client import SPEC
from load_sides import PLAN, Side, ours, plain
from sqlalchemy import select

from store import leases, records
from store.database import Database
from store.jobs import create_job
from store.localfiles import LocalFiles
from store.models import Project
from store.records import StoredArtifact


def measure_files(folder: Path, database: str, gib: float = 2) -> dict[str, Any]:
    """Megabytes a second of one download and of one upload, and what they cost in memory."""
    size = int(gib * 2**30)
    with ours(folder, database) as us, plain(folder, database) as them:
        source = folder / "download"
        noise(source, size)
        job_id = _publish(folder, database, source, size)
        path = f"{us.url}/v1/jobs/{job_id}/artifacts/large.bin"
        resting = resident(us.pid)
        down = [(_curl(us, path), _curl(them, f"{them.url}/file")) for _ in range(3)]
        after_down = resident(us.pid)
        up = [(_upload(us, source, size), _upload_plain(them, source, size)) for _ in range(3)]
        after_up = resident(us.pid)
    return {
        "GiB": gib,
        "download": _rates(down),
        "upload": _rates(up),
        "API MB": {"resting": resting, "after downloads": after_down, "after uploads": after_up},
    }


def _rates(pairs: list[tuple[float, float]]) -> dict[str, float]:
    return {
        "ours MB/s": round(statistics.median(a for a, _ in pairs)),
        "plain MB/s": round(statistics.median(b for _, b in pairs)),
        "ratio": round(statistics.median(a / b for a, b in pairs), 2),
    }


def noise(path: Path, size: int) -> None:
    block = random.Random(1).randbytes(1 << 24)
    with path.open("wb") as file:
        for number in range(size >> 24):
            file.write(number.to_bytes(8, "big") + block[8:])


def _publish(folder: Path, database: str, source: Path, size: int) -> str:
    with source.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    key = LocalFiles(folder / "home" / "files").put(source, digest)
    truth = Database(database)
    with truth.write() as session:
        project = session.scalars(select(Project.id).where(Project.name == "default")).one()
        create_job(session, project_id=project, spec=SPEC, plan=PLAN)
    with truth.write() as session:
        claim = leases.claim(session, owner="w", resource_classes=["cpu"], lease_seconds=600)
        assert claim is not None
        artifact = StoredArtifact("large.bin", "file", "application/octet-stream", digest, size, key)
        records.publish(session, claim.lease, {}, [artifact])
    truth.close()
    return claim.lease.job_id


def _curl(side: Side, url: str, *more: str) -> float:
    headers = [part for name, value in side.headers.items() for part in ("-H", f"{name}: {value}")]
    command = [
        "curl",
        "-sf",
        "-o",
        "/dev/null",
        "-w",
        "%{size_download} %{size_upload} %{time_total}",
        *headers,
        *more,
        url,
    ]
    down, up, seconds = map(float, subprocess.run(command, capture_output=True, text=True, check=True).stdout.split())
    return max(down, up) / seconds / 1e6


PART = 256 * 1024**2


def _upload(side: Side, source: Path, size: int) -> float:
    """All parts one after the other; digests are known beforehand, as a client knows them from its disk."""
    parts = list(_parts(source, size))
    began = time.perf_counter()
    with httpx.Client(base_url=side.url, headers=side.headers, timeout=60) as client:
        body = {"name": "large", "bytes": size, "part_bytes": PART}
        upload = client.post("/v1/uploads", json=body).raise_for_status().json()
        for number, (path, digest) in enumerate(parts, 1):
            url = f"{side.url}/v1/uploads/{upload['id']}/parts/{number}"
            _curl(side, url, "-T", str(path), "-H", f"Content-Digest: sha-256=:{digest}:")
        client.post(f"/v1/uploads/{upload['id']}/complete", json={}).raise_for_status()
        taken = time.perf_counter() - began
        client.delete(f"/v1/uploads/{upload['id']}")
    for _, digest in parts:  # or the next round would find its bytes stored
        key = base64.b64decode(digest).hex()
        (source.parent / "home" / "files" / "sha256" / key[:2] / key).unlink(missing_ok=True)
    return size / taken / 1e6


def _upload_plain(side: Side, source: Path, size: int) -> float:
    parts = list(_parts(source, size))
    began = time.perf_counter()
    for path, _ in parts:
        _curl(side, f"{side.url}/file", "-T", str(path))
    return size / (time.perf_counter() - began) / 1e6


def _parts(source: Path, size: int) -> Iterator[tuple[Path, str]]:
    for number in range(max(1, size // PART)):
        path = source.with_name(f"part-{number}")
        if not path.exists():
            with source.open("rb") as file:
                file.seek(number * PART)
                path.write_bytes(file.read(PART))
        with path.open("rb") as file:
            yield path, base64.b64encode(hashlib.file_digest(file, "sha256").digest()).decode()


def resident(pid: int) -> int:
    line = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) // 1024
