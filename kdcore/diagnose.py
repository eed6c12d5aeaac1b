"""What a job can say about itself beside its accuracy: findings of its runs, layer angles, a prompted path's trail."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from kdcore.left import findings_of
from kdcore.measure import predict
from kdcore.measure.angles import layer_angles
from kdcore.measure.trail import trail
from kdcore.objective.networks import fingerprint
from kdcore.objective.padding import reads_tokens
from kdcore.objective.points import Capture
from kdcore.prepare import Workshop, weights_file
from kdcore.spec.plan import STUDENT, TEACHER

MOST_PICTURES = 256
PROMPTED = frozenset({"prompts", "outputs"})
"""Paths that stand beside the network they lead through, so that the two can be compared."""

Diagnostics = dict[str, Any]


def diagnostics(workshop: Workshop, workdir: Path, networks: Mapping[str, nn.Module]) -> Diagnostics:
    """Everything of ``result.json``'s ``diagnostics``, JSON-ready; measured on the validation split.

    Args:
        networks: ``student`` and ``teacher`` as they ended, on the machine's device.
    """
    return {
        "findings": _findings(workshop, workdir),
        "angles": _angles(workshop, networks),
        "trails": _trails(workshop, workdir, networks),
    }


def _findings(workshop: Workshop, workdir: Path) -> list[dict[str, Any]]:
    """What the runs noticed while they trained."""
    found: list[dict[str, Any]] = []
    for run in workshop.plan.runs:
        found += findings_of(workdir, run.name)
    return found


def _pictures(workshop: Workshop) -> tuple[Tensor, Tensor]:
    held_out = workshop.data.validation
    images = workshop.normalise(held_out.inputs).to(workshop.machine.device)
    return images, held_out.targets.to(workshop.machine.device)


def _angles(workshop: Workshop, networks: Mapping[str, nn.Module]) -> dict[str, Any] | None:
    """Both angle probes between the blocks of teacher and student; None for networks that have too few."""
    plan = workshop.plan
    if TEACHER not in networks or not plan.networks[TEACHER].blocks or plan.delivers != STUDENT:
        return None
    images, _ = _pictures(workshop)
    sides = {name: _features(networks[name], plan.networks[name].blocks, images) for name in (STUDENT, TEACHER)}
    reader = reads_tokens(networks.values())
    mask = None if reader is None else reader.token_mask(images[:MOST_PICTURES])
    try:
        return dict(layer_angles(sides[STUDENT], sides[TEACHER], mask=mask, seed=plan.spec.training.seed))
    except ValueError:
        return None


@torch.no_grad()
def _features(network: nn.Module, blocks: tuple[str, ...], images: Tensor) -> list[Tensor]:
    with Capture(network, blocks) as capture:
        seen = capture(images[:MOST_PICTURES])
    return [seen[block] for block in blocks]


def _trails(workshop: Workshop, workdir: Path, networks: Mapping[str, nn.Module]) -> dict[str, Any]:
    """For each path through a frozen network: what it changed, and whether that serves the student."""
    plan, main = workshop.plan, workshop.plan.runs[-1]
    images, labels = _pictures(workshop)
    found = {}
    for name in main.learners[1:]:
        if not workshop.task.info.answers_classes or plan.paths.get(name) is None:
            continue
        if plan.paths[name].kind not in PROMPTED:
            continue
        of = plan.paths[name].of
        plain = workshop.speaker(of, workdir)
        spoke = workshop.listened(plain, of, main)
        path = workshop.learnt(name, {of: spoke}, weights_file(workdir, main.name, name)).eval()
        given = workshop.given(of, "validation")
        logits = {part: predict(network, given) for part, network in (("plain", plain), ("path", path))}
        student = predict(networks[STUDENT], images)
        found[name] = {
            "of": of,
            **trail(labels, logits["plain"], logits["path"], student),
            "hashes": {of: fingerprint(plain), name: fingerprint(path), STUDENT: fingerprint(networks[STUDENT])},
        }
    return found
