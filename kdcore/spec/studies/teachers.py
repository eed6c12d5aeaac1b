"""Teachers that the arms of a study share: trained once in a job of their own, and kept as models."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from kdcore.spec.base import Strict
from kdcore.spec.studies.expanding import Written

Json = dict[str, Any]
OF_STUDENT = ("freeze", "layer_decay", "rollback", "cache")
"""What ``training`` says of the student's runs alone, or a teacher's run in a job goes without."""
_SIZE = ("architecture", "width", "classes", "options")


class SharedTeacher(Strict):
    """A teacher that a job of its own trains.

    Attributes:
        name: within the study.
        spec: of its job: the teacher as a student that nobody teaches.
    """

    name: str
    spec: Json


def shared_teachers(
    name: str, base: Mapping[str, Any], arms: Iterable[Written]
) -> tuple[tuple[SharedTeacher, ...], dict[str, str]]:
    """The different teachers that the arms train, and which of them each arm has, by name.

    Args:
        name: of the study.
        base: its job spec, by whose training and resources every teacher is trained, whatever an arm changes.
    """
    found: dict[str, SharedTeacher] = {}
    which = {}
    for arm in arms:
        spec = _job_of(arm.spec, base)
        if spec is None:
            continue
        key = json.dumps(spec, sort_keys=True, default=str)
        if key not in found:
            number = f" {len(found) + 1}" if found else ""
            label = f"teacher{number}"
            found[key] = SharedTeacher(name=label, spec=spec | {"name": f"{name}: {label}"[:120]})
        which[arm.name] = found[key].name
    return tuple(found.values()), which


def _job_of(spec: Mapping[str, Any], base: Mapping[str, Any]) -> Json | None:
    """The job that trains the teacher of a job spec; None where there is nothing to train.

    It trains as the teacher's run in a job does (`kdcore.spec.runs`): the training of the base with the teacher's own
    epochs, optimiser and augmentation, on all labels.
    """
    teacher = spec.get("teacher")
    train = teacher.get("train") if isinstance(teacher, Mapping) else None
    if not isinstance(teacher, Mapping) or not isinstance(train, Mapping) or not teacher.get("architecture"):
        return None
    own = {name: value for name, value in train.items() if value is not None}
    training = {name: value for name, value in (base.get("training") or {}).items() if name not in OF_STUDENT}
    training |= {"augment": _one_view(training.get("augment"))} | own
    kept = {name: base[name] for name in ("resources", "labels", "priority") if name in base}
    kept |= {"dataset": spec["dataset"]} if "dataset" in spec else {}
    student = {name: teacher[name] for name in _SIZE if name in teacher}
    method = {"preset": "student-alone"}
    return {**kept, "student": student, "method": method, "training": training, "baseline": False, "deliver": []}


def _one_view(augment: Any) -> Any:
    """Nobody's outputs are kept in the teacher's run, so that it sees new views in every epoch."""
    return {name: value for name, value in (augment or {}).items() if name != "views"}


def with_model(spec: Mapping[str, Any], model_id: str, version: int) -> Json:
    """A job spec whose teacher is a version of a model that was kept of it."""
    gate = {name: value for name, value in spec["teacher"].items() if name == "gate"}
    return {**spec, "teacher": {"id": model_id, "version": version, **gate}}
