"""What is measured beside the scores, document by document, each with the reason where there is none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from torch import nn

from kdcore.data.origins import groups
from kdcore.measure.documents import Alignment, Changes, Robustness, Shift
from kdcore.prepare import Workshop
from kdcore.proof.alignment import alignment
from kdcore.proof.drift import between_splits
from kdcore.proof.robustness import robustness
from kdcore.proof.unmeasured import Unmeasured, tried
from kdcore.spec.plan import STUDENT
from kdcore.tasks import Judged
from kdcore.tasks.changes import by_class, by_group
from kdcore.train.progress import Report


@dataclass(frozen=True)
class Gathered:
    """The documents, and why some are not there, by their names in the result."""

    changes: list[Changes]
    robustness: Robustness | None
    shift: Shift | None
    alignment: Alignment | None
    reasons: dict[str, str]


@dataclass(frozen=True)
class Gathering:
    """Measures networks beside their scores, once the test split is open.

    Attributes:
        workshop, workdir: of the job.
        report: takes records.
    """

    workshop: Workshop
    workdir: Path
    report: Report
    reasons: dict[str, str] = field(default_factory=dict)

    def run(self, networks: Mapping[str, nn.Module], judged: Mapping[str, Judged]) -> Gathered:
        """All documents of the networks, by the parts that they play, on the machine's device."""

        def warn(message: str) -> None:
            self.report({"type": "log", "level": "warning", "message": message})

        shop, found = self.workshop, self.reasons
        classes = tried("changes by class", lambda: self._by_class(judged), found, warn)
        grouped = tried("changes by group", lambda: self._by_group(judged), found, warn)
        return Gathered(
            changes=[one for one in (classes, grouped) if one is not None],
            robustness=tried("robustness", lambda: robustness(shop, networks), found, warn),
            shift=tried("shift", lambda: between_splits(shop, networks[STUDENT]), found, warn),
            alignment=tried("alignment", lambda: alignment(shop, self.workdir, networks), found, warn),
            reasons=found,
        )

    def _by_class(self, judged: Mapping[str, Judged]) -> Changes:
        changes = by_class(judged, seed=self.workshop.plan.spec.training.seed)
        if changes is None:
            raise Unmeasured("fewer than two classes have a figure of their own")
        return changes

    def _by_group(self, judged: Mapping[str, Judged]) -> Changes:
        every = groups(self.workshop.data)
        if every is None:
            raise Unmeasured("the dataset has no groups")
        own = every[self.workshop.data.test.origin]
        changes = by_group(judged, own, seed=self.workshop.plan.spec.training.seed)
        if changes is None:
            raise Unmeasured("the test examples are of one group")
        return changes
