"""What a finished run leaves in its folder: the weights of all that learnt, its metrics and what it noticed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import nn

from kdcore import models
from kdcore.files import write_json
from kdcore.prepare import weights_file
from kdcore.spec.plan import RunPlan
from kdcore.train.progress import Record

HISTORY, FINDINGS = "history.json", "findings.json"
BEFORE = "before-int8.safetensors"
"""The weights of the network that a run is for, as they were before it trained as int8."""


def leave(
    workdir: Path,
    run: RunPlan,
    networks: Mapping[str, nn.Module],
    history: list[Record],
    findings: list[dict[str, Any]],
) -> None:
    """Write everything; a file of weights is whole or not there."""
    folder = weights_file(workdir, run.name).parent
    folder.mkdir(parents=True, exist_ok=True)
    for name in run.learners:
        _save(networks[name], weights_file(workdir, run.name, None if name == run.learner else name))
    write_json(folder / HISTORY, history)
    write_json(folder / FINDINGS, findings)


def set_aside(workdir: Path, run: RunPlan, network: nn.Module) -> None:
    """Keep the weights from before the quantised stage: what quantisation without it would begin with."""
    folder = weights_file(workdir, run.name).parent
    folder.mkdir(parents=True, exist_ok=True)
    _save(network, folder / BEFORE)


def _save(network: nn.Module, path: Path) -> None:
    part = path.with_name(path.name + ".part")
    models.save(network, part)
    part.replace(path)


def left_by(run: RunPlan) -> list[str]:
    """Names of the files that a finished run has in its folder."""
    aside = [] if run.quantised is None else [BEFORE]
    return ["weights.safetensors", *(f"{name}.safetensors" for name in run.learners[1:]), *aside, HISTORY, FINDINGS]


def history_of(workdir: Path, run: str) -> list[Record]:
    """The metric records of a finished run."""
    records: list[Record] = json.loads(weights_file(workdir, run).with_name(HISTORY).read_text())
    return records


def findings_of(workdir: Path, run: str) -> list[dict[str, Any]]:
    """What a finished run noticed while it trained."""
    found: list[dict[str, Any]] = json.loads(weights_file(workdir, run).with_name(FINDINGS).read_text())
    return found
