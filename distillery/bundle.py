"""The zip of everything a job delivers: fetched, unpacked without trusting its names, checked by its sums."""

import os
import shutil
import tempfile
import time
import zipfile
from pathlib import Path

import httpx

from distillery.download import CHUNK, safe_name, sha256_of
from distillery.errors import IntegrityError
from distillery.transport import Transport, job_path

SUMS = "SHA256SUMS"


def save_bundle(transport: Transport, job_id: str, target: Path) -> Path:
    """Stream a job's bundle into the file `target`, which appears whole or not at all."""
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".{target.name}.part")
    error: Exception | None = None
    for attempt in range(transport.retry.attempts):
        try:
            _copy(transport, job_path(job_id, "bundle"), part)
            _check_zip(part)
            os.replace(part, target)
            return target
        except (httpx.TransportError, zipfile.BadZipFile) as lost:
            error = lost
            time.sleep(transport.retry.delay(attempt))
        finally:
            part.unlink(missing_ok=True)
    raise transport.failure(error)


def unpack_bundle(archive: Path, directory: Path) -> list[Path]:
    """Unpack a bundle straight into `directory` once its checksums hold; files appear one by one, whole."""
    directory.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=directory, prefix=".unpack-") as name:
        room = Path(name)
        with zipfile.ZipFile(archive) as pack:
            for member in pack.infolist():
                with pack.open(member) as source, (room / safe_name(member.filename)).open("wb") as file:
                    shutil.copyfileobj(source, file, CHUNK)
        verify_sums(room)
        return [path.replace(directory / path.name) for path in sorted(room.iterdir())]


def verify_sums(directory: Path) -> list[str]:
    """Check every line of SHA256SUMS; the names that hold, or an error that names the file that does not."""
    sums = directory / SUMS
    if not sums.is_file():
        raise IntegrityError(f"{directory} holds no {SUMS}: nothing to check the files against.")
    names = []
    for line in sums.read_text(encoding="utf-8").splitlines():
        digest, _, name = line.partition(" ")
        name = safe_name(name.strip().removeprefix("*"))
        if not (directory / name).is_file():
            raise IntegrityError(f"{name} is named in {SUMS} but missing from {directory}.")
        if sha256_of(directory / name) != digest:
            raise IntegrityError(f"{name} does not match its line in {SUMS}: download it again.")
        names.append(name)
    return names


def _copy(transport: Transport, path: str, part: Path) -> None:
    with transport.stream(path, headers={"Accept": "application/zip"}) as response, part.open("wb") as file:
        for chunk in response.iter_bytes(CHUNK):
            file.write(chunk)


def _check_zip(path: Path) -> None:
    """A stream that was cut has no directory at its end; a damaged member fails its CRC."""
    with zipfile.ZipFile(path) as pack:
        if (bad := pack.testzip()) is not None:
            raise IntegrityError(f"{bad} in the bundle is damaged; try again.")
