"""``README.md``: the model card of a job's student, with the metadata that Hugging Face's Hub reads."""

from __future__ import annotations

from pathlib import Path

from kdcore.export.provenance import Provenance
from kdcore.report import numbers
from kdcore.report.card.front import front_matter, teacher_of
from kdcore.report.card.made import licences, provenance_section, training
from kdcore.report.card.markdown import bullets, plain, section
from kdcore.report.card.proven import evaluation, files, losses, robustness
from kdcore.report.card.usage import usage
from kdcore.report.decision import why
from kdcore.report.language import name_of, say
from kdcore.report.reading import delivered, models_of
from kdcore.report.recommendation import Risk, advice, risks
from kdcore.report.result import Result
from kdcore.spec.plan import Plan

CARD = "README.md"
INPUTS = {"image": "pictures", "series": "series", "table": "rows of a table", "tokens": "token ids"}


def write_card(result: Result, plan: Plan, provenance: Provenance, folder: Path) -> None:
    """Write the card beside the files of ``folder``, and into the folder for transformers where there is one."""
    text = card(result, plan, provenance)
    homes = [folder, *(folder / one["name"] for one in delivered(result) if one["format"] == "huggingface")]
    for home in homes:
        (home / CARD).write_text(text, encoding="utf-8")


def card(result: Result, plan: Plan, provenance: Provenance) -> str:
    """The whole card."""
    found = risks(result)
    parts = [
        f"# {plain(result['name'])}",
        _what(result, plan, found),
        section("How to use it", *usage(result, plan)),
        _limits(plan, found),
        training(result, plan, provenance),
        evaluation(result),
        losses(result),
        robustness(result),
        files(result),
        licences(result),
        provenance_section(provenance),
    ]
    return front_matter(result, plan) + "\n" + "\n\n".join(part for part in parts if part) + "\n"


def _what(result: Result, plan: Plan, found: list[Risk]) -> str:
    student, teacher = models_of(result)["student"], teacher_of(plan)
    task, data = plain(name_of("task", plan.dataset.task)), plain(plan.dataset.name)
    size = "" if student["parameters"] is None else f" with {plain(numbers.whole(student['parameters']))} parameters"
    taught = "" if teacher is None else f", taught by {plain(teacher)}"
    made = f"A {plain(student['architecture'])}{size} for {task} on {data}{taught} (method {plain(result['method'])})."
    advised = plain(say(f"advice.{advice(found).replace(' ', '_')}"))
    return f"{made}\n\n**Recommendation: {advised}.** {plain(why(result, found))}"


def _limits(plan: Plan, found: list[Risk]) -> str:
    """For what it is meant, and everything that the report's rules found, the gravest first."""
    shape, classes = " × ".join(map(str, plan.dataset.input_shape)), plan.dataset.target.classes
    named = f" and answers {len(classes)} outputs ({plain(_some(classes))})" if classes else ""
    meant = (
        f"It takes {INPUTS[plan.dataset.input.kind]} of shape {shape}{named}. Its figures hold for data like "
        f"{plain(plan.dataset.name)}; nothing here says what it does with other data."
    )
    told = [f"**{plain(risk.what)}** ({risk.level}): {plain(risk.detail)}" for risk in found]
    return section("Intended use and limits", meant, bullets(told))


def _some(names: tuple[str, ...], most: int = 20) -> str:
    shown = ", ".join(names[:most])
    return f"{shown}, and {len(names) - most} more" if len(names) > most else shown
