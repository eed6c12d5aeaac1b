"""The provenance of a job's files, recorded while everything that made them is still there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kdcore.export import FILES
from kdcore.export.provenance import Provenance, Weights, hardware, source
from kdcore.files import sha256_of
from kdcore.prepare import Workshop, weights_file
from kdcore.spec.plan import STUDENT, TEACHER


@dataclass(frozen=True)
class Recorder:
    """Writes down where a job's files come from.

    Attributes:
        workshop, workdir: of the job.
        folder: of its artifacts.
    """

    workshop: Workshop
    workdir: Path
    folder: Path

    def weights_of(self, part: str) -> Path | None:
        """The file of weights of a network of the comparison; none of trees."""
        plan = self.workshop.plan
        if part == TEACHER and plan.networks[TEACHER].kind == "trees":
            return None
        given = plan.networks[TEACHER].weights if part == TEACHER else None
        if given is not None:
            return self.workshop.folder / given
        return weights_file(self.workdir, "distil" if part == STUDENT else part)

    def provenance(
        self,
        *,
        spec: dict[str, Any],
        resolved: dict[str, Any],
        student: dict[str, Any],
        versions: dict[str, str],
        fingerprints: Mapping[str, str],
    ) -> Provenance:
        """Everything but the files themselves; ``fingerprints`` are of the weights of each network, by part."""
        plan = self.workshop.plan
        return Provenance(
            spec=spec,
            plan=plan.document(),
            resolved=resolved,
            student=student,
            data=self._data(),
            weights={part: found for part, digest in fingerprints.items() if (found := self._weights(part, digest))},
            seeds={**{run.name: run.training.seed for run in plan.runs}, "splits": plan.dataset.splits.seed},
            versions=versions,
            hardware=hardware(self.workshop.machine.device),
            source=source(),
        )

    def _data(self) -> dict[str, Any]:
        dataset = self.workshop.plan.dataset
        told = {"name": dataset.name, "id": dataset.id, "version": dataset.version, "content_sha256": dataset.sha256}
        return {**told, "sha256": self.workshop.data.sha256()}

    def _weights(self, part: str, fingerprint: str) -> Weights | None:
        delivered = self.folder / FILES["safetensors"]
        path = delivered if part == STUDENT and delivered.exists() else self.weights_of(part)
        if path is None or not path.is_file():
            return None
        return Weights(file=path.name, sha256=sha256_of(path), fingerprint=fingerprint)
