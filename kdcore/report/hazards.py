"""What may speak against a student: each function looks at one thing and yields what it found, in words."""

from __future__ import annotations

from collections.abc import Iterator

from kdcore.measure.documents import Changes
from kdcore.report import numbers
from kdcore.report.language import Both, Text, both, listed, name_of, say
from kdcore.report.reading import (
    change_of,
    changes_by,
    delivered,
    figure_by,
    losers,
    metric_name,
    models_of,
    noun,
    rival_of,
    score_of,
    test_examples,
)
from kdcore.report.result import Licence, Result

Found = tuple[Both, Both]
"""What, and the figures of it."""

KEPT_LEAST = 0.90
KEPT_WANTED = 0.98
KEPT_SURELY = 0.95
CALIBRATION_MORE = 0.02
CALIBRATION_MOST = 0.10
FRAGILE_MORE = 0.03
FRAGILE_MOST = 0.20
SHIFT_P = 0.01
SHIFT_TIMES = 2
FEW_EXAMPLES = 1000


def worse_than_alone(result: Result) -> Iterator[Found]:
    """The verdict says that the same student is better without its teacher."""
    if result["verdict"]["outcome"] == "worse":
        yield say("risk.worse_than_alone"), say("risk.worse_than_alone_is", alone=score_of(result, "alone"))


def no_difference(result: Result) -> Iterator[Found]:
    """Distillation is not shown to help; the student may be good enough all the same."""
    if result["verdict"]["outcome"] == "no difference":
        yield say("risk.no_difference"), say("risk.no_difference_is")


def no_baseline(result: Result) -> Iterator[Found]:
    """Nothing to tell the teacher's help by."""
    if result["verdict"]["outcome"] == "no baseline":
        yield say("risk.no_baseline"), say("risk.no_baseline_is")


def no_teacher(result: Result) -> Iterator[Found]:
    """Nothing to tell a loss by."""
    if "teacher" not in result["models"]:
        yield say("risk.no_teacher"), say("risk.no_teacher_is")


def far_behind(result: Result) -> Iterator[Found]:
    """Less than ``KEPT_LEAST`` of the teacher's figure."""
    kept = result["score_kept"]
    if kept is not None and kept < KEPT_LEAST:
        yield _behind(result, KEPT_LEAST)


def behind(result: Result) -> Iterator[Found]:
    """Less than ``KEPT_WANTED`` of the teacher's figure, and not far behind."""
    kept = result["score_kept"]
    if kept is not None and KEPT_LEAST <= kept < KEPT_WANTED:
        yield _behind(result, KEPT_WANTED)


def _behind(result: Result, limit: float) -> Found:
    metric, kept = metric_name(result), numbers.percent(result["score_kept"])
    scores = {"own": score_of(result, "student"), "teacher": score_of(result, "teacher")}
    return (
        say("risk.behind", limit=numbers.percent(limit, 0), metric=metric),
        say("risk.behind_is", kept=kept, metric=metric, **scores),
    )


def maybe_behind(result: Result) -> Iterator[Found]:
    """The worse end of the student's interval is below ``KEPT_SURELY`` of the teacher's figure."""
    kept, low = result["score_kept"], kept_at_worst(result)
    if kept is None or low is None or kept < KEPT_WANTED or low >= KEPT_SURELY:
        return
    interval = numbers.interval(models_of(result)["student"]["interval"], result["metric"]["unit"])
    limit = numbers.percent(KEPT_SURELY, 0)
    yield (
        say("risk.maybe_behind", metric=metric_name(result)),
        say("risk.maybe_behind_is", interval=interval, low=numbers.percent(low), limit=limit),
    )


def kept_at_worst(result: Result) -> float | None:
    """Share of the teacher's figure that is kept at the worse end of the student's interval."""
    if result["score_kept"] is None:
        return None
    teacher, (low, high) = result["models"]["teacher"]["score"], result["models"]["student"]["interval"]
    part, whole = (low, teacher) if result["metric"]["higher_is_better"] else (teacher, high)
    return part / whole if whole > 0 else None


def class_loses(result: Result) -> Iterator[Found]:
    """Classes that lose beyond chance, or ``PART_LOSS`` and more where chance cannot be told."""
    yield from _losers(result, changes_by(result, "class"))


def group_loses(result: Result) -> Iterator[Found]:
    """The same of groups."""
    yield from _losers(result, changes_by(result, "group"))


def _losers(result: Result, changes: Changes | None) -> Iterator[Found]:
    losing = losers(result, changes)
    if changes is None or not losing:
        return
    first, kind, figure = losing[0], noun(result, changes["by"]), figure_by(result, changes["by"])
    rival = rival_of(result) or "teacher"
    facts = {
        "figure": figure.name,
        "own": numbers.figure(first["values"].get("student"), figure.unit),
        "rival": name_of("rival", rival),
        "other": numbers.figure(first["values"].get(rival), figure.unit),
        "change": numbers.difference(change_of(result, first), figure.unit),
        "n": numbers.whole(first["examples"]),
        "others": say("risk.others", n=str(len(losing) - 1)) if len(losing) > 1 else "",
    }
    yield say("risk.part_loses", noun=kind, name=first["name"]), say("risk.part_loses_is", **facts)


def amplifies(result: Result) -> Iterator[Found]:
    """The student's classes or groups lie further apart than its teacher's, beyond chance."""
    for changes in result["changes"]:
        if changes["outcome"] == "amplifies":
            figure, kind = figure_by(result, changes["by"]), noun(result, changes["by"], many=True)
            spread = {part: numbers.figure(changes["spread"].get(part), figure.unit) for part in PAIR}
            yield say("risk.amplifies", noun=kind), say("risk.amplifies_is", figure=figure.name, **spread)


PAIR = ("teacher", "student")


def overconfident(result: Result) -> Iterator[Found]:
    """Confidence that can be believed less: ``CALIBRATION_MORE`` over the teacher's error, or ``CALIBRATION_MOST``."""
    errors = {part: model["calibration_error"] for part, model in models_of(result).items()}
    own, teacher = errors["student"], errors.get("teacher")
    if own is None:
        return
    if teacher is not None and own - teacher > CALIBRATION_MORE:
        facts = {"own": numbers.percent(own), "teacher": numbers.percent(teacher)}
        yield say("risk.overconfident"), say("risk.overconfident_is", **facts)
    elif own > CALIBRATION_MOST:
        yield say("risk.overconfident"), say("risk.overconfident_alone", own=numbers.percent(own))


def more_fragile(result: Result) -> Iterator[Found]:
    """Disturbances cost the student more than its teacher, by ``FRAGILE_MORE`` of its undisturbed figure."""
    shares = {part: _lost_share(result, part) for part in PAIR}
    own, teacher = shares["student"], shares["teacher"]
    if own is not None and teacher is not None and own - teacher > FRAGILE_MORE:
        facts = {"own": numbers.percent(own), "teacher": numbers.percent(teacher)}
        yield say("risk.more_fragile"), say("risk.more_fragile_is", metric=metric_name(result), **facts)


def fragile(result: Result) -> Iterator[Found]:
    """Disturbances cost the student ``FRAGILE_MOST`` of its figure in the mean."""
    own, robustness = _lost_share(result, "student"), result["robustness"]
    if own is None or robustness is None or own <= FRAGILE_MOST:
        return
    worst = max(robustness["rows"], key=lambda row: row["drop"].get("student") or 0.0)
    name = say("risk.corruption", name=name_of("corruption", worst["name"]), severity=str(worst["severity"]))
    facts: dict[str, Text] = {"own": numbers.percent(own), "worst": name, "metric": metric_name(result)}
    yield (
        say("risk.fragile"),
        say("risk.fragile_is", score=numbers.figure(worst["scores"].get("student"), result["metric"]["unit"]), **facts),
    )


def _lost_share(result: Result, part: str) -> float | None:
    if result["robustness"] is None:
        return None
    drop, clean = result["robustness"]["mean_drop"].get(part), result["robustness"]["clean"].get(part)
    return None if drop is None or not clean else drop / abs(clean)


def shifted(result: Result) -> Iterator[Found]:
    """Test features differ from training features beyond chance, and by ``SHIFT_TIMES`` what chance alone gives."""
    shift = result["shift"]
    if shift is not None and shift["p_value"] < SHIFT_P and shift["w2"] > SHIFT_TIMES * shift["floor"].get("w2", 0.0):
        facts = {"w2": numbers.small(shift["w2"]), "floor": numbers.small(shift["floor"].get("w2"))}
        yield say("risk.shifted"), say("risk.shifted_is", p=numbers.small(shift["p_value"]), **facts)


def few_examples(result: Result) -> Iterator[Found]:
    """Fewer than ``FEW_EXAMPLES`` test examples."""
    examples = test_examples(result)
    if examples < FEW_EXAMPLES:
        yield say("risk.few_examples"), say("risk.few_examples_is", n=numbers.whole(examples))


def withheld(result: Result) -> Iterator[Found]:
    """Formats that were asked for and failed their check."""
    for export in result["exports"]:
        if not export["verified"]:
            reason = both(export["reason"] or say("risk.no_reason"))
            yield say("risk.withheld", name=export["name"]), say("risk.withheld_is", reason=reason)


def nothing_delivered(result: Result) -> Iterator[Found]:
    """Not one file passed."""
    if result["exports"] and not delivered(result):
        yield say("risk.nothing_delivered"), say("risk.nothing_delivered_is")


def not_smaller(result: Result) -> Iterator[Found]:
    """As many parameters as the teacher."""
    sizes = {part: model["parameters"] for part, model in models_of(result).items()}
    teacher, own = sizes.get("teacher"), sizes["student"]
    if teacher and own and own >= teacher:
        facts = {"own": numbers.count(own), "teacher": numbers.count(teacher)}
        yield say("risk.not_smaller"), say("risk.not_smaller_is", **facts)


def not_faster(result: Result) -> Iterator[Found]:
    """As slow as the teacher, one input at a time."""
    times = {part: model["latency_ms"] for part, model in models_of(result).items()}
    own, teacher = times["student"], times.get("teacher")
    if own is not None and teacher is not None and own["p50"] >= teacher["p50"]:
        facts = {"own": numbers.milliseconds(own["p50"]), "teacher": numbers.milliseconds(teacher["p50"])}
        yield say("risk.not_faster"), say("risk.not_faster_is", **facts)


def no_speed(result: Result) -> Iterator[Found]:
    """No file that could be timed."""
    if result["models"]["student"]["latency_ms"] is None:
        yield say("risk.no_speed"), say("risk.no_speed_is")


def licence_forbids(result: Result) -> Iterator[Found]:
    """A licence that does not let others hand out what is made from it, and nobody who allows it."""
    for licence in result["licences"]:
        if licence["derivatives"] == "forbidden" and not licence["permission"]:
            yield say("risk.licence_forbids", **_licence(licence)), say("risk.licence_forbids_is", **_licence(licence))


def licence_permitted(result: Result) -> Iterator[Found]:
    """Somebody allows what a licence forbids; in whose words."""
    for licence in result["licences"]:
        if licence["derivatives"] == "forbidden" and licence["permission"]:
            facts = {**_licence(licence), "permission": both(licence["permission"])}
            yield say("risk.licence_permitted", **facts), say("risk.licence_permitted_is", **facts)


def licence_unknown(result: Result) -> Iterator[Found]:
    """A licence that nobody stated."""
    for licence in result["licences"]:
        if licence["derivatives"] == "unknown":
            yield say("risk.licence_unknown", **_licence(licence)), say("risk.licence_unknown_is")


def licence_note(result: Result) -> Iterator[Found]:
    """What licences ask of those who pass the student on."""
    for licence in result["licences"]:
        for note in licence["notes"]:
            yield say("risk.licence_note", **_licence(licence)), both(note)


def _licence(licence: Licence) -> dict[str, Both]:
    return {
        "of": both(name_of("licence_of", licence["of"])),
        "name": both(licence_name(licence)),
        "licence": both(licence["licence"] or say("licence.none")),
    }


def licence_name(licence: Licence) -> Text:
    """Whose it is, and through which models it came."""
    via = listed(licence["via"])
    return say("licence.through", name=licence["name"], via=via) if licence["via"] else licence["name"]


def one_run(result: Result) -> Iterator[Found]:
    """An interval covers the choice of examples, not the luck of the seed."""
    if result["verdict"]["interval"] is not None:
        yield say("risk.one_run"), say("risk.one_run_is")


def not_the_device(result: Result) -> Iterator[Found]:
    """Speed is that of the machine that measured it."""
    if result["models"]["student"]["latency_ms"] is not None:
        yield say("risk.not_the_device"), say("risk.not_the_device_is")
