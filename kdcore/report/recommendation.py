"""The recommendation and the rules that it follows from; docs/report.md holds them as a table.

A rule looks at the figures and names risks. The worst level decides: one ``stop`` means do not deploy, else one
``caution`` means pilot first, else deploy. A ``note`` is told and decides nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from kdcore.report import hazards
from kdcore.report.hazards import Found
from kdcore.report.language import Both
from kdcore.report.remarks import noticed, warned
from kdcore.report.result import Result

Level = Literal["stop", "caution", "note"]
Advice = Literal["deploy", "pilot", "do not"]
ORDER: tuple[Level, ...] = ("stop", "caution", "note")


@dataclass(frozen=True)
class Risk:
    """Something that speaks against the student, or that the reader must know."""

    rule: str
    level: Level
    what: Both
    detail: Both


Rule = tuple[str, Level, Callable[[Result], Iterator[Found]]]

RULES: tuple[Rule, ...] = (
    ("worse_than_alone", "stop", hazards.worse_than_alone),
    ("far_behind", "stop", hazards.far_behind),
    ("licence_forbids", "stop", hazards.licence_forbids),
    ("nothing_delivered", "stop", hazards.nothing_delivered),
    ("behind", "caution", hazards.behind),
    ("maybe_behind", "caution", hazards.maybe_behind),
    ("no_teacher", "caution", hazards.no_teacher),
    ("no_baseline", "caution", hazards.no_baseline),
    ("class_loses", "caution", hazards.class_loses),
    ("group_loses", "caution", hazards.group_loses),
    ("amplifies", "caution", hazards.amplifies),
    ("overconfident", "caution", hazards.overconfident),
    ("more_fragile", "caution", hazards.more_fragile),
    ("fragile", "caution", hazards.fragile),
    ("shifted", "caution", hazards.shifted),
    ("few_examples", "caution", hazards.few_examples),
    ("withheld", "caution", hazards.withheld),
    ("not_smaller", "caution", hazards.not_smaller),
    ("not_faster", "caution", hazards.not_faster),
    ("no_speed", "caution", hazards.no_speed),
    ("licence_unknown", "caution", hazards.licence_unknown),
    ("no_difference", "note", hazards.no_difference),
    ("licence_permitted", "note", hazards.licence_permitted),
    ("licence_note", "note", hazards.licence_note),
    ("noticed", "note", noticed),
    ("warned", "note", warned),
    ("one_run", "note", hazards.one_run),
    ("not_the_device", "note", hazards.not_the_device),
)
"""Name, level and check, in the order in which risks are told."""


def risks(result: Result) -> list[Risk]:
    """Every risk that the rules find, the gravest first."""
    return [Risk(name, level, *found) for name, level, rule in RULES for found in rule(result)]


def advice(found: list[Risk]) -> Advice:
    """What follows from the risks."""
    levels = {risk.level for risk in found}
    return "do not" if "stop" in levels else "pilot" if "caution" in levels else "deploy"
