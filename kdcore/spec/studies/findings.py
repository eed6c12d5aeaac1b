"""What the results of a study say: arms summed up over seeds, paired with the reference, and claims put to the test."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from kdcore.spec.studies.papers import Check
from kdcore.spec.studies.statistics import Paired, Summary, holm, paired, pareto, summary

Json = Mapping[str, Any]
Verdict = Literal["agrees", "disagrees", "not shown", "no difference shown", "not run"]
SURE = 0.05


@dataclass(frozen=True)
class ArmFound:
    """An arm of a table.

    Attributes:
        score: of its trials on the test split.
        seconds: of the processor, for the student's run of one trial, without preparation and the shared teacher.
        step_ms: of the processor, for one step of it.
        against: paired with the reference; None for the reference.
        p_value: of ``against``, corrected over the arms of the table (Holm).
        front: whether no other arm is both better and cheaper.
    """

    name: str
    student: str
    parameters: int
    score: Summary
    seconds: Summary
    step_ms: float
    against: Paired | None
    p_value: float | None
    front: bool


@dataclass(frozen=True)
class Checked:
    """A claim and what came out.

    Attributes:
        p_value: corrected over all claims of the page (Holm).
    """

    check: Check
    found: Paired
    p_value: float | None
    verdict: Verdict


class Results:
    """The document of a study's results, opened.

    Args:
        document: as ``python -m kdcore.study`` writes it.
    """

    def __init__(self, document: Json) -> None:
        self.document = document
        self.runs: Sequence[Json] = [run for run in document["runs"] if run["status"] == "succeeded"]

    @property
    def name(self) -> str:
        """Of the study."""
        return str(self.document["study"]["name"])

    @property
    def seeds(self) -> list[int]:
        """Those that have trials, in order."""
        return sorted({run["seed"] for run in self.document["runs"]})

    def of(self, arm: str) -> list[Json]:
        """The trials of an arm that succeeded."""
        return [run for run in self.runs if run["arm"] == arm]

    def scores(self, arm: str) -> dict[int, float]:
        """By seed, so that more is better."""
        sign = 1 if self.document["metric"]["higher_is_better"] else -1
        return {run["seed"]: sign * run["score"] for run in self.of(arm) if run["score"] is not None}

    def failed(self) -> list[Json]:
        """The trials that did not succeed."""
        return [run for run in self.document["runs"] if run["status"] != "succeeded"]

    def table(self) -> list[ArmFound]:
        """Every arm that has a score, in the order of the study."""
        arms = [arm for arm in self.document["arms"] if self.scores(arm["name"])]
        reference = self.document["reference"]
        others = {arm["name"]: self._against(arm, reference) for arm in arms if arm["name"] != reference}
        corrected = holm({name: found.p_value for name, found in others.items() if found is not None})
        costs = {arm["name"]: _seconds(self.of(arm["name"])) for arm in arms}
        scores = {arm["name"]: summary(list(self.scores(arm["name"]).values())) for arm in arms}
        front = pareto({name: (scores[name].mean, costs[name].mean) for name in scores}, [True, False])
        return [
            ArmFound(
                name=(name := arm["name"]),
                student=arm["student"],
                parameters=self.of(name)[0]["parameters"],
                score=scores[name],
                seconds=costs[name],
                step_ms=1000 * costs[name].mean / self.of(name)[0]["steps"],
                against=others.get(name),
                p_value=corrected.get(name),
                front=name in front,
            )
            for arm in arms
        ]

    def _against(self, arm: Json, reference: str) -> Paired | None:
        return None if arm["apart"] else paired(self.scores(arm["name"]), self.scores(reference))


def _seconds(runs: Iterable[Json]) -> Summary:
    """Processor seconds of the student's training: all runs of a trial that are not phases around them."""
    around = {"prepare", "evaluate", "end"}
    return summary([sum(v for k, v in run["processor_seconds"].items() if k not in around) for run in runs])


def checked(checks: Sequence[Check], results: Mapping[str, Results]) -> list[Checked]:
    """Every claim against the results by study name; p-values are corrected over all of them."""
    found = {str(at): _pair(check, results) for at, check in enumerate(checks)}
    corrected = holm({at: one.p_value for at, one in found.items()})
    return [
        Checked(check, found[str(at)], p := corrected[str(at)], _verdict(check, found[str(at)], p))
        for at, check in enumerate(checks)
    ]


def _pair(check: Check, results: Mapping[str, Results]) -> Paired:
    study = results.get(check.study)
    return (
        Paired(0, None, None, None) if study is None else paired(study.scores(check.first), study.scores(check.second))
    )


def _verdict(check: Check, found: Paired, p_value: float | None) -> Verdict:
    """Whether the difference is beyond chance, and in the direction of the claim."""
    if found.difference is None or p_value is None:
        return "not run"
    sure = p_value < SURE
    if check.alike:
        return "disagrees" if sure else "no difference shown"
    if not sure:
        return "not shown"
    return "agrees" if found.difference > 0 else "disagrees"


def to_reach(runs: Iterable[Json], target: float) -> list[float | None]:
    """Processor seconds of each trial until its validation figure reached ``target``; None where it never did.

    Epochs of a run are taken as equally long.
    """
    found: list[float | None] = []
    for run in runs:
        reached = [at for at, figure in enumerate(run["validation"], 1) if figure is not None and figure >= target]
        whole = _seconds([run]).mean
        found.append(whole * reached[0] / len(run["validation"]) if reached else None)
    return found
