"""How the student was made and from what: training, licences, provenance."""

from __future__ import annotations

from collections.abc import Iterator

from kdcore.export.provenance import Provenance
from kdcore.report import numbers
from kdcore.report.card.front import teacher_of
from kdcore.report.card.markdown import bullets, en, plain, section, table
from kdcore.report.hazards import licence_name
from kdcore.report.language import Text, name_of, say
from kdcore.report.reading import part_name
from kdcore.report.result import Licence, Result
from kdcore.spec.plan import STUDENT, TEACHER, Plan
from kdcore.spec.presets import PRESETS


def training(result: Result, plan: Plan, provenance: Provenance) -> str:
    """Method, teacher, data, seeds and cost."""
    rows = [[name, told] for name, told in _training(result, plan, provenance)]
    return section("Training", table(["", ""], rows), "`spec.yaml` makes the same job again.")


def _training(result: Result, plan: Plan, provenance: Provenance) -> Iterator[tuple[str, Text]]:
    preset, counts = PRESETS.get(result["method"]), plan.dataset.counts
    yield "Method", result["method"] if preset is None else f"{result['method']}: {preset.title} ({preset.paper})"
    if TEACHER in plan.networks:
        yield "Teacher", _teacher(plan)
    yield "Student", f"{plan.networks[STUDENT].architecture} {_options(plan)}".strip()
    shown = f"{counts.train:,} to train, {counts.validation:,} for validation, {counts.test:,} for the test"
    yield "Data", f"{plan.dataset.name}: {shown}"
    if plan.spec.student.labels is not None:
        yield "Labels of the student", f"{plan.spec.student.labels:,} of {counts.train:,}; the teacher speaks of all"
    asked = plan.spec.training
    yield "Epochs", f"{asked.epochs}, batches of {asked.batch_size}, {asked.optimizer.name}"
    yield "Seeds", ", ".join(f"{name} {seed}" for name, seed in provenance["seeds"].items())
    cost = result["cost"]
    yield "Cost", f"{en(numbers.seconds(cost['device_seconds']))} of {cost['device']}{_energy(result)}"


def _teacher(plan: Plan) -> str:
    trained = any(run.learner == TEACHER for run in plan.runs)
    network = plan.networks[TEACHER]
    told = "trained in this job" if trained else "trees grown in this job" if network.kind == "trees" else "brought"
    return f"{teacher_of(plan)} ({told})"


def _options(plan: Plan) -> str:
    return ", ".join(f"{name} {value}" for name, value in plan.networks[STUDENT].options.items())


def _energy(result: Result) -> str:
    joules = result["cost"]["energy_joules"]
    return "" if joules is None else f", {numbers.energy(joules)}"


def licences(result: Result) -> str:
    """Whose licences the student is under, what they ask for, and what the planner warned of."""
    header: list[Text] = ["Of", "Name", "Licence", "Derived models", "Notes"]
    stated = [_licence(one) for one in result["licences"]]
    warned = [f"Warning of the plan: {plain(str(one.get('message', one)))}" for one in result["warnings"]]
    told = (
        "The metadata repeat what data and teacher ask for. Names of licences were read, not their texts; who hands "
        "the student out states its licence."
    )
    return section("Licences and warnings", table(header, stated) if stated else "", told, bullets(warned))


def _licence(one: Licence) -> list[Text]:
    notes: list[str] = [*one["notes"]]
    if one["permission"]:
        notes.insert(0, say("licence.permitted", permission=one["permission"]).en)
    return [
        name_of("licence_of", one["of"]),
        licence_name(one),
        one["licence"] or say("licence.none"),
        name_of("derivatives", one["derivatives"]),
        "; ".join(notes) or numbers.NONE,
    ]


def provenance_section(provenance: Provenance) -> str:
    """Source, machine, packages and digests; ``manifest.json`` has all of it."""
    rows = [[name, told] for name, told in _provenance(provenance)]
    return section(
        "Provenance",
        table(["", ""], rows),
        "`manifest.json` holds spec, plan and every digest; `sha256sum -c SHA256SUMS` checks the files.",
    )


def _provenance(found: Provenance) -> Iterator[tuple[Text, Text]]:
    commit, modified = found["source"]["commit"], found["source"]["modified"]
    yield "Distillery commit", f"{commit or 'not known'}{' with uncommitted changes' if modified else ''}"
    hardware = found["hardware"]
    yield "Machine", f"{hardware.get('gpu') or hardware['cpu']}, {hardware['cores']} cores, {hardware['system']}"
    yield "Packages", ", ".join(f"{name} {version}" for name, version in found["versions"].items())
    for split, digest in found["data"]["sha256"].items():
        yield f"Data, {split} (sha256)", digest
    for part, weights in found["weights"].items():
        yield f"{en(part_name(part))} weights (sha256)", weights["sha256"]
