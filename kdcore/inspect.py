"""An inspection: look at what somebody brought, in a process that can only spend so much, and hand on what is safe.

What the files may cost is counted by their readers (`kdcore.bring.caps`); the limits of the process are behind that,
for libraries that allocate before they look.
"""

from __future__ import annotations

import json
import mimetypes
import os
import re
import resource
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from kdcore.bring import Caps, dataset
from kdcore.bring.models import model
from kdcore.bring.models.files import CARD as MODEL_CARD
from kdcore.bring.steps import Report, Stop
from kdcore.data.pack import CARD, PREVIEW, REPORT
from kdcore.errors import EngineError
from kdcore.files import FULL, sha256_of
from kdcore.spec import SpecError
from kdcore.spec.bringing import parse_bringing
from kdcore.spec.bringing.models import parse_model

OUT: Final = "pack"
"""The folder of the result within the job's."""

Bring = Callable[[Path, Mapping[str, Any], Path, Caps, Report, Stop], dict[str, Any]]
"""Reads source and options, writes safe files to a folder, and returns their card."""


def run(plan: Mapping[str, Any], workdir: Path, report: Report, *, stop: Stop) -> None:
    """Inspect what lies in ``workdir``: records of the files that came of it, and a result with card and report.

    Files and result are recorded even when what was brought is refused: they say why.

    Args:
        plan: ``subject``, ``source`` (a folder below ``workdir``), ``options``, ``caps`` and ``limits``.

    Raises:
        EngineError: ``invalid_data`` with the item's name, ``out_of_memory`` or ``disk_full``.
        Stopped: on request; the same call begins anew.
    """
    out, caps = workdir / OUT, Caps.model_validate(plan["caps"])
    with_limits(plan["limits"], caps)
    try:
        card = _brought(plan, workdir / plan["source"], out, caps, report, stop)
    except EngineError:
        if (out / REPORT).exists():
            _hand_on(workdir, out, None, report)
        raise
    _hand_on(workdir, out, card, report)


def _brought(
    plan: Mapping[str, Any], source: Path, out: Path, caps: Caps, report: Report, stop: Stop
) -> dict[str, Any]:
    try:
        return SUBJECTS[plan["subject"]](source, plan["options"], out, caps, report, stop)
    except SpecError as error:  # the service checked them: an engine of another version
        raise EngineError("internal", f"this engine cannot read the options ({error}): bring it again") from error
    except MemoryError:
        wanted = plan["limits"]["memory_bytes"] / 1e9
        message = f"reading it takes more than the {wanted:g} GB that an inspection may have: bring smaller files"
        raise EngineError("out_of_memory", message, "/source") from None
    except OSError as error:
        if error.errno in FULL and _may_not_grow(out, caps):
            raise EngineError("invalid_data", "a file became larger than allowed: bring less", "/source") from error
        raise


def _dataset(
    source: Path, options: Mapping[str, Any], out: Path, caps: Caps, report: Report, stop: Stop
) -> dict[str, Any]:
    return dataset(source, parse_bringing(options), out, caps=caps, report=report, stop=stop).model_dump(mode="json")


def _model(
    source: Path, options: Mapping[str, Any], out: Path, caps: Caps, report: Report, stop: Stop
) -> dict[str, Any]:
    return model(source, parse_model(options), out, caps=caps, report=report, stop=stop).model_dump(mode="json")


SUBJECTS: dict[str, Bring] = {"dataset": _dataset, "model": _model}
"""What can be inspected, by the plan's ``subject``."""


def _hand_on(workdir: Path, out: Path, card: dict[str, Any] | None, report: Report) -> None:
    known = {file["path"]: file["sha256"] for file in (card or {}).get("files", ())}
    found = sorted(path for path in out.rglob("*") if path.is_file())
    for path in found:
        name = path.relative_to(out).as_posix()
        role = _role(name)
        if card is None and role in ("pack", "card"):  # half a pack is none
            continue
        report(
            {
                "type": "artifact",
                "name": name,
                "path": path.relative_to(workdir).as_posix(),
                "kind": role,
                "media_type": mimetypes.guess_type(name)[0] or "application/octet-stream",
                "sha256": known.get(name) or sha256_of(path),
                "bytes": path.stat().st_size,
            }
        )
    told = out / REPORT
    found_out = json.loads(told.read_bytes()) if told.exists() else (card or {}).get("report")
    report({"type": "result", "result": {"card": card, "report": found_out}})


def _role(name: str) -> str:
    if name == REPORT:
        return "report"
    if name.startswith(f"{PREVIEW}/"):
        return "preview"
    return "card" if name in (CARD, MODEL_CARD) else "pack"


def with_limits(limits: Mapping[str, float], caps: Caps) -> None:
    """Bound this process for good: memory beside what it has now, size of a file, seconds of processors.

    Mapped files do not count as memory; the most that they can take is what files may.
    """
    own = re.search(r"^VmData:\s+(\d+) kB", Path("/proc/self/status").read_text(), re.MULTILINE)
    if own is not None:
        _bound(resource.RLIMIT_DATA, int(own[1]) * 1024 + int(limits["memory_bytes"]))
    _bound(resource.RLIMIT_FSIZE, _largest_file(caps))
    used = resource.getrusage(resource.RUSAGE_SELF)
    _bound(
        resource.RLIMIT_CPU, int(used.ru_utime + used.ru_stime + limits["seconds"] * len(os.sched_getaffinity(0))) + 1
    )
    _bound(resource.RLIMIT_CORE, 0)


def _largest_file(caps: Caps) -> int:
    return max(caps.unpacked_bytes, caps.pack_bytes) + (1 << 20)


def _may_not_grow(out: Path, caps: Caps) -> bool:
    return any(path.stat().st_size >= _largest_file(caps) for path in out.rglob("*") if path.is_file())


def _bound(kind: int, most: int) -> None:
    _, hard = resource.getrlimit(kind)
    allowed = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(kind, (allowed, allowed))
