"""The networks that a job compares, each with its final weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor, nn

from kdcore.diagnose import Diagnostics, diagnostics
from kdcore.measure import Quality
from kdcore.prepare import Workshop
from kdcore.proof.gathering import Gathered, Gathering
from kdcore.spec.plan import TEACHER
from kdcore.tasks import Judged
from kdcore.tasks.quality import quality
from kdcore.train.progress import Report


@dataclass(frozen=True)
class Evaluated:
    """What the networks are worth on the test split.

    Attributes:
        networks: by the name that the result gives them: ``student``, and ``teacher`` and ``alone`` where there are.
        judged, qualities: of their answers to the test examples.
        gathered: what was measured beside the scores.
        diagnostics: what the job says about itself.
    """

    networks: Mapping[str, nn.Module]
    judged: Mapping[str, Judged]
    qualities: Mapping[str, Quality]
    gathered: Gathered
    diagnostics: Diagnostics


@dataclass(frozen=True)
class Evaluation:
    """The measuring of every network on the test split, which is opened here for the first time.

    Attributes:
        workshop, workdir: of the job.
        report: takes records.
    """

    workshop: Workshop
    workdir: Path
    report: Report

    def run(self) -> Evaluated:
        """Everything that is measured of the networks themselves."""
        networks = self._networks()
        test = self.workshop.data.open_test()
        said = {
            name: self.workshop.task.measured(network, self.workshop.given(name, "test"), test)
            for name, network in networks.items()
        }
        answers = {name: own for name, (own, _) in said.items()}
        judged = {name: worth for name, (_, worth) in said.items()}
        gathered = Gathering(self.workshop, self.workdir, self.report).run(networks, judged)
        qualities = self._qualities(judged, answers, test.targets)
        undefined = {name: found.undefined for name, found in qualities.items() if found.undefined}
        noticed = diagnostics(self.workshop, self.workdir, networks)
        return Evaluated(
            networks=networks,
            judged=judged,
            qualities=qualities,
            gathered=gathered,
            diagnostics={**noticed, "unmeasured": gathered.reasons, "undefined_in_resamples": undefined},
        )

    def _networks(self) -> dict[str, nn.Module]:
        """Every network of the comparison with its final weights, by the name that the result gives it."""
        plan = self.workshop.plan
        runs = {run.name for run in plan.runs}
        found = {}
        if TEACHER in plan.networks:
            taught = TEACHER in runs or plan.networks[TEACHER].brought
            if taught and self._answers_about_test():
                found["teacher"] = self.workshop.speaker(TEACHER, self.workdir)
        if "alone" in runs:
            found["alone"] = self.workshop.delivered(self.workdir, "alone")
        found["student"] = self.workshop.delivered(self.workdir)
        return {name: network.eval() for name, network in found.items()}

    def _answers_about_test(self) -> bool:
        """A table of stored outputs may have no rows of the test split."""
        table = self.workshop.tables.get(TEACHER)
        whole = table is None or table.covers("test")
        if not whole:
            message = "the table of stored outputs has no row for some test examples: the teacher is not measured"
            self.report({"type": "log", "level": "warning", "message": message})
        return whole

    def _qualities(self, judged: dict[str, Judged], answers: dict[str, Tensor], targets: Tensor) -> dict[str, Quality]:
        task, teacher = self.workshop.task, answers.get("teacher")
        return {
            name: quality(task, judged[name], own, targets, teacher=None if name == "teacher" else teacher)
            for name, own in answers.items()
        }
