"""The card of a model that a job left: its plan and its result say all of it, so nobody has to look at the files."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

from kdcore.spec.brought import GRAPH, WEIGHTS
from kdcore.spec.cards import FileCard, LicenceCard, ModelCard
from kdcore.spec.plan import STUDENT, TEACHER, Plan

OWN = {"student.safetensors": WEIGHTS}
BLACK = {"student.onnx": GRAPH}
"""Artifacts of a job, and what they are called in a model."""

Json = dict[str, Any]


class NothingToKeep(ValueError):
    """The job left no file that a later job could begin with."""


def kept_files(plan: Plan, artifacts: Mapping[str, Any]) -> dict[str, str]:
    """Names of a job's artifacts by their paths in the model that is kept of it.

    A student that is delivered through a path of a method has no architecture of its own: its ONNX file is kept.

    Raises:
        NothingToKeep: it delivered neither.
    """
    wanted = OWN if plan.delivers == STUDENT else BLACK
    found = {path: name for name, path in wanted.items() if name in artifacts}
    if not found:
        message = f"the job delivered no {next(iter(wanted))}, which a model is made of"
        raise NothingToKeep(f"{message}: run it with deliver: [safetensors, onnx]")
    return found


def kept_card(
    name: str,
    plan: Plan,
    result: Mapping[str, Any],
    files: tuple[FileCard, ...],
    job: str,
    licence: str | None = None,
) -> ModelCard:
    """The card of the student of a finished job.

    Args:
        result: as in ``result.json``.
        files: of the model.
        job: id of the job.
        licence: that its owner states for the student itself.
    """
    student, dataset = plan.networks[STUDENT], plan.dataset
    figures, data = result["models"]["student"], result["resolved"]["data"]
    black = plan.delivers != STUDENT
    asked = {"output": "logits", "batch": None, "channels_last": False, "says": "logits"}
    digest = hashlib.sha256("".join(f"{file.path}\0{file.sha256}\n" for file in files).encode())
    return ModelCard(
        name=name,
        kind="onnx" if black else "weights",
        architecture=None if black else student.architecture,
        options=asked if black else student.options,
        task=dataset.task,
        input=dataset.input,
        classes=dataset.target.classes,
        num_outputs=student.num_classes,
        mean=tuple(data["mean"]),
        std=tuple(data["std"]),
        parameters=figures["parameters"],
        macs=figures["macs"],
        files=files,
        report={
            "job": job,
            "metric": result["metric"],
            "score": figures["score"],
            "interval": figures["interval"],
            "metrics": figures["metrics"],
            "bytes": figures["bytes"],
            "verdict": result["verdict"]["outcome"],
            "gate": result["resolved"].get("gate", {}),
        },
        licence=licence,
        made_under=tuple(made_under(plan)),
        sha256=digest.hexdigest(),
    )


def made_under(plan: Plan) -> Iterator[LicenceCard]:
    """The licences that a job's student carries on, each once."""
    found = {(one.name, one.licence): one for one in reversed(plan.licences)}
    for one in reversed(found.values()):
        yield LicenceCard(name=one.name, licence=one.licence, via=one.via, permission=one.permission)


def parents_of(plan: Plan) -> Iterator[Json]:
    """What a job was made from: its dataset, and the models that it began with."""
    dataset = plan.dataset
    if dataset.id is not None:
        yield {"kind": "dataset", "id": dataset.id, "version": dataset.version, "role": "dataset"}
    else:
        yield {"kind": "builtin_dataset", "name": dataset.name, "role": "dataset"}
    for name, network in plan.networks.items():
        role = {STUDENT: "init", TEACHER: "teacher"}.get(name, name)
        if network.model is not None and network.model.id is not None:
            yield {"kind": "model", "id": network.model.id, "version": network.model.version, "role": role}
        elif name == TEACHER:
            yield {"kind": "architecture", "name": network.architecture, "role": "teacher"}
