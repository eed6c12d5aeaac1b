"""Charts and remarks on how the objective worked: the balance's weights, the layers' angles, what the runs noticed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from kdcore.report import numbers
from kdcore.report.charts import EPOCHS, HEIGHT, WIDTH, Chart, legend, side_by_side
from kdcore.report.curves import Curve, Record, curves, run_of
from kdcore.report.drawing import figure, style, svg
from kdcore.report.palette import TERMS, light
from kdcore.report.result import Result

STUDENT = "balance.student."


def balance_over_time(history: Sequence[Record]) -> Chart | None:
    """What each group of the student's losses counted: its share where one is learned, else its weight."""
    lines = curves(history, run=run_of(history, "student"), split="train")
    found = [line for line in lines if line.name.startswith(STUDENT + "share.")]
    found = found or [line for line in lines if line.name.startswith(STUDENT + "weight.")]
    if not found:
        return None
    with style():
        drawn, axes = figure(WIDTH, HEIGHT)
        for index, line in enumerate(found):
            hue = light(TERMS[index % len(TERMS)])
            axes.plot(line.epochs, line.values, color=hue, linewidth=1.6, label=_group(line))
        axes.set(xlabel=EPOCHS, ylabel=_measure(found[0]))
        axes.set_ylim(bottom=min(0, *(min(line.values) for line in found)))
        axes.locator_params(axis="x", integer=True)
        legend(axes)
        picture = svg(drawn, "balance", "What each group of losses counted, by epoch")
    conflict = [line for line in lines if line.name.startswith(STUDENT + "cosine")]
    return Chart(
        title="; ".join(f"{_group(line)} counts {line.values[-1]:.2f} at the end" for line in found),
        note=_conflict(conflict),
        drawing=picture,
        header=["epoch", *map(_group, found)],
        rows=side_by_side(found, numbers.small),
    )


def _group(line: Curve) -> str:
    return line.name.removeprefix(STUDENT).partition(".")[2]


def _measure(line: Curve) -> str:
    return "share of the balance" if ".share." in line.name else "weight on the gradient"


def _conflict(lines: Sequence[Curve]) -> str:
    if not lines:
        return "How much each group of losses pulls on the student."
    values = [value for line in lines for value in line.values]
    share = sum(value < 0 for value in values) / len(values)
    return f"The groups' gradients were in conflict (cosine below zero) in {numbers.percent(share)} of the records."


def angles_by_layer(result: Result) -> Chart | None:
    """Seen from each student layer, how alike the directions to the teacher's layers are."""
    angles: dict[str, Any] | None = result["diagnostics"].get("angles")
    if not angles:
        return None
    layers = angles["layers"]
    with style():
        drawn, axes = figure(WIDTH, HEIGHT)
        for index, seen in enumerate(layers[: len(TERMS)]):
            places = range(2, len(seen["by_teacher"]) + 2)
            hue = light(TERMS[index])
            axes.plot(
                places, seen["by_teacher"], color=hue, marker="o", markersize=3, label=f"student block {index + 1}"
            )
        axes.axhline(0, color=light("muted"), linewidth=0.8)
        axes.set(xlabel="teacher block", ylabel="mean cosine with block 1", ylim=(-1.05, 1.05))
        axes.locator_params(axis="x", integer=True)
        legend(axes)
        picture = svg(drawn, "angles", "Mean cosine between the directions to teacher blocks, by student block")
    acute = sum(seen["acute"] for seen in layers) / len(layers)
    return Chart(
        title=f"{numbers.percent(acute)} of the angles between teacher blocks, seen from the student, are acute",
        note=f"Where they are acute, it matters little which block is followed (features {angles['space']}).",
        drawing=picture,
        header=["teacher block", *(f"student block {i + 1}" for i in range(len(layers)))],
        rows=[
            [str(place + 2), *(numbers.small(seen["by_teacher"][place]) for seen in layers)]
            for place in range(len(layers[0]["by_teacher"]))
        ],
    )


def remarks(result: Result) -> Iterator[tuple[str, str]]:
    """What the runs noticed about themselves, as (what, detail)."""
    found = result["diagnostics"]
    for finding in found.get("findings", []):
        say = _REMARKS.get(finding["kind"])
        if say is not None:
            yield say(finding)
    for name, trail in found.get("trails", {}).items():
        yield f"Path {name!r}: {trail['light']}", trail["reason"]
    overhead = found.get("overhead")
    if overhead is not None and not overhead["identical"]:
        added = ", ".join(f"{count} {name}" for name, count in overhead["added"].items()) or "no operator"
        yield "The delivered graph differs from a plain student's", f"it has {added} more."


def _guard(finding: dict[str, Any]) -> tuple[str, str]:
    figures = f"{numbers.percent(finding['matched'])}, without them {numbers.percent(finding['unmatched'])}"
    what = "did harm" if finding["harmful"] else "did no harm"
    dropped = "; they were dropped" if finding["dropped"] else ""
    return (
        f"Matching features {what}",
        f"after epoch {finding['epoch']} the validation accuracy was {figures}{dropped}.",
    )


def _saturated(finding: dict[str, Any]) -> tuple[str, str]:
    most, steps = numbers.percent(finding["threshold"]), finding["steps"]
    return f"The balance of {finding['learner']} saturated", f"{finding['group']} had over {most} for {steps} steps."


def _returned(finding: dict[str, Any]) -> tuple[str, str]:
    return "The training went back", f"at step {finding['step']} to step {finding['to']}: {finding['fault']}."


def _ended_early(finding: dict[str, Any]) -> tuple[str, str]:
    stage, best = finding["stage"], finding["best_epoch"]
    return f"Stage {stage!r} ended early", f"after epoch {finding['epoch']}; none was better than epoch {best}."


def _cut_smaller(finding: dict[str, Any]) -> tuple[str, str]:
    parts, pictures = finding["parts"], finding["pictures"]
    return "The device's memory was full", (
        f"from step {finding['step']} of stage {finding['stage']!r} on, batches were taken in {parts} micro-batches of "
        f"{pictures} pictures."
    )


def _damaged(finding: dict[str, Any]) -> tuple[str, str]:
    return "Kept outputs were damaged", "they were computed again."


_REMARKS = {
    "harm_guard": _guard,
    "saturation": _saturated,
    "rollback": _returned,
    "early_stopping": _ended_early,
    "cache_damaged": _damaged,
    "out_of_memory": _cut_smaller,
}
