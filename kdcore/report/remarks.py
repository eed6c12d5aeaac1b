"""What the runs and the planner noticed, in words; the engine's own sentences stand as they were recorded."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from kdcore.report import numbers
from kdcore.report.language import Both, Text, both, listed, name_of, say
from kdcore.report.result import Result

Remark = tuple[Both, Both]


def noticed(result: Result) -> Iterator[Remark]:
    """What the runs noticed about themselves, as (what, detail)."""
    found = result["diagnostics"]
    for finding in found.get("findings", []):
        tell = _REMARKS.get(finding["kind"])
        if tell is not None:
            yield tell(finding)
    for name, trail in found.get("trails", {}).items():
        yield say("found.trail", name=name, light=name_of("light", trail["light"])), both(trail["reason"])
    overhead = found.get("overhead")
    if overhead is not None and not overhead["identical"]:
        added = listed([f"{count} {name}" for name, count in overhead["added"].items()] or [say("found.nothing")])
        yield say("found.overhead"), say("found.overhead_is", added=added)


def warned(result: Result) -> Iterator[Remark]:
    """What the planner said before the job began; a licence that is not known is a risk of its own."""
    for warning in result["warnings"]:
        if warning.get("code") == "licence_unknown":
            continue
        code, told = str(warning.get("code", "")), str(warning.get("message", warning))
        words = name_of("warning", code)
        yield say("found.warning"), both(told) if words == code else Both(told, both(words).ja)


def _guard(finding: dict[str, Any]) -> Remark:
    facts: dict[str, Text] = {
        "epoch": str(finding["epoch"]),
        "metric": name_of("metric", finding["metric"]),
        "matched": numbers.small(finding["matched"]),
        "unmatched": numbers.small(finding["unmatched"]),
        "dropped": say("found.dropped") if finding["dropped"] else "",
    }
    return say("found.harm" if finding["harmful"] else "found.no_harm"), say("found.guard_is", **facts)


def _saturated(finding: dict[str, Any]) -> Remark:
    facts = {"group": finding["group"], "most": numbers.percent(finding["threshold"]), "steps": str(finding["steps"])}
    return say("found.saturated", learner=finding["learner"]), say("found.saturated_is", **facts)


def _returned(finding: dict[str, Any]) -> Remark:
    facts = {"step": str(finding["step"]), "to": str(finding["to"]), "fault": str(finding["fault"])}
    return say("found.rollback"), say("found.rollback_is", **facts)


def _ended_early(finding: dict[str, Any]) -> Remark:
    facts = {"epoch": str(finding["epoch"]), "best": str(finding["best_epoch"])}
    return say("found.early", stage=finding["stage"]), say("found.early_is", **facts)


def _cut_smaller(finding: dict[str, Any]) -> Remark:
    facts = {name: str(finding[name]) for name in ("step", "stage", "parts", "pictures")}
    return say("found.memory"), say("found.memory_is", **facts)


def _damaged(_: dict[str, Any]) -> Remark:
    return say("found.damaged"), say("found.damaged_is")


_REMARKS: dict[str, Callable[[dict[str, Any]], Remark]] = {
    "harm_guard": _guard,
    "saturation": _saturated,
    "rollback": _returned,
    "early_stopping": _ended_early,
    "cache_damaged": _damaged,
    "out_of_memory": _cut_smaller,
}
