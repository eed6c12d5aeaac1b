"""What a study does next, from its plan and what has become of its jobs: a function of facts, so that any process may
go on where another one stopped."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import Literal

from kdcore.spec.studies.plan import ArmPlan, StudyPlan
from kdcore.spec.studies.rounds import survivors

Place = tuple[str, int]
"""An arm and a seed."""
StopCode = Literal["gave_up", "no_teacher", "no_score", "over_budget"]


@dataclass(frozen=True)
class RunFacts:
    """One job of a study.

    Attributes:
        status: of the job; ``succeeded``, ``failed`` and ``cancelled`` are its ends.
        validation: the figure that decides, on the validation split.
        seconds: that it has taken.
    """

    status: str
    validation: float | None = None
    seconds: float | None = None

    @property
    def open(self) -> bool:
        """Whether it has not ended."""
        return self.status not in ("succeeded", "failed", "cancelled")


@dataclass(frozen=True)
class Stopped:
    """Why an arm gets no more jobs.

    Attributes:
        seeds: how many it had got by then.
    """

    code: StopCode
    reason: str
    seeds: int


@dataclass(frozen=True)
class Facts:
    """A study as it is.

    Attributes:
        runs: by arm and seed.
        teachers: state of each shared teacher's job; ``kept`` once its model can be used, missing before it has one.
        stopped: arms that get no more jobs.
        spent: seconds that jobs of an earlier stage of the study took.
    """

    runs: Mapping[Place, RunFacts]
    teachers: Mapping[str, RunFacts] = field(default_factory=dict)
    stopped: Mapping[str, Stopped] = field(default_factory=dict)
    spent: float = 0.0

    @property
    def seconds(self) -> float:
        """That all of its jobs have taken."""
        return self.spent + sum(run.seconds or 0.0 for run in (*self.runs.values(), *self.teachers.values()))


@dataclass(frozen=True)
class Next:
    """What to do.

    Attributes:
        teachers: shared teachers to train.
        begin: jobs to create, in their order.
        stop: arms to give up.
        finished: whether nothing is left to do or to wait for.
    """

    teachers: tuple[str, ...] = ()
    begin: tuple[Place, ...] = ()
    stop: Mapping[str, Stopped] = field(default_factory=dict)
    finished: bool = False


KEPT = "kept"
_BY_RANK = ("gave_up", "no_score")


def next_steps(plan: StudyPlan, facts: Facts) -> Next:
    """What a study does next; the same facts give the same answer, and what was done is in the facts."""
    return _Scheduler(plan, facts).next()


class _Scheduler:
    def __init__(self, plan: StudyPlan, facts: Facts) -> None:
        self.plan, self.facts = plan, facts
        self.stop: dict[str, Stopped] = {}

    def next(self) -> Next:
        self._give_up_without_teacher()
        wanted: list[Place] = []
        for end in self.plan.rounds:
            wanted = self._missing(end)
            if wanted or any(self._open(end)):
                break
            if end < self.plan.rounds[-1] and not self._is_decided(end):
                self._give_up_worst(end)
        teachers = self._teachers_to_train()
        ready = [place for place in wanted if self._has_teacher(place[0])]
        begin = self._within_budget(ready)
        waits = wanted or teachers or any(self._open(self.plan.rounds[-1])) or self._a_teacher_trains()
        over = not waits or self._budget_is_spent(wanted, begin)
        return Next(tuple(teachers), tuple(begin), self.stop, finished=over and not self._something_runs())

    def _left(self) -> list[ArmPlan]:
        gone = {*self.facts.stopped, *self.stop}
        return [arm for arm in self.plan.arms if arm.name not in gone]

    def _missing(self, end: int) -> list[Place]:
        """Jobs of the first ``end`` seeds that there are not yet; all arms of one seed before the next one's."""
        seeds = self.plan.seeds[:end]
        return [(arm.name, seed) for seed in seeds for arm in self._left() if (arm.name, seed) not in self.facts.runs]

    def _open(self, end: int) -> Iterator[Place]:
        seeds = set(self.plan.seeds[:end])
        return (place for place, run in self.facts.runs.items() if place[1] in seeds and run.open)

    def _something_runs(self) -> bool:
        return any(run.open for run in self.facts.runs.values()) or self._a_teacher_trains()

    def _a_teacher_trains(self) -> bool:
        return any(run.open and run.status != KEPT for run in self.facts.teachers.values())

    def _has_teacher(self, arm: str) -> bool:
        teacher = self.plan.arm(arm).teacher
        return teacher is None or self._teacher(teacher) == KEPT

    def _teacher(self, name: str) -> str | None:
        run = self.facts.teachers.get(name)
        return None if run is None else run.status

    def _teachers_to_train(self) -> list[str]:
        asked = {arm.teacher for arm in self._left() if arm.teacher is not None}
        return [one.name for one in self.plan.teachers if one.name in asked and one.name not in self.facts.teachers]

    def _give_up_without_teacher(self) -> None:
        for arm in self._left():
            state = None if arm.teacher is None else self._teacher(arm.teacher)
            if state in ("failed", "cancelled"):
                reason = f"the job of its {arm.teacher} has {state}"
                self.stop[arm.name] = Stopped("no_teacher", reason, self._tried(arm.name))

    def _tried(self, arm: str) -> int:
        return sum(place[0] == arm for place in self.facts.runs)

    def _is_decided(self, end: int) -> bool:
        """Whether arms were given up after these seeds already: the rest would be ranked among themselves else."""
        return any(one.seeds == end and one.code in _BY_RANK for one in self.facts.stopped.values())

    def _give_up_worst(self, end: int) -> None:
        """After a round: the best go on, and the reference with them."""
        assert self.plan.stop_early is not None
        left = self._left()
        means = {arm.name: self._mean(arm.name, end) for arm in left}
        known = {name: mean for name, mean in means.items() if mean is not None}
        ranked = sorted(known, key=known.__getitem__, reverse=self.plan.metric.higher_is_better)
        best = ranked[: survivors(len(left), self.plan.stop_early.factor)]
        for arm in left:
            if arm.name in best or arm.name == self.plan.reference:
                continue
            self.stop[arm.name] = self._stopped(arm.name, means[arm.name], ranked, best, end)

    def _stopped(self, arm: str, mean: float | None, ranked: Sequence[str], best: Sequence[str], end: int) -> Stopped:
        after = f"after {end} seed{'s' if end > 1 else ''}"
        if mean is None:
            return Stopped("no_score", f"{after} no job of it had succeeded", end)
        place = ranked.index(arm) + 1
        told = f"{after} it was number {place} of {len(ranked)} on the validation split"
        return Stopped(
            "gave_up", f"{told} (mean {self.plan.metric.name} {mean:.4g}); the best {len(best)} went on", end
        )

    def _mean(self, arm: str, end: int) -> float | None:
        runs = (self.facts.runs.get((arm, seed)) for seed in self.plan.seeds[:end])
        values = [run.validation for run in runs if run is not None and run.validation is not None]
        return fmean(values) if values else None

    def _within_budget(self, ready: Sequence[Place]) -> list[Place]:
        """Those jobs that can be begun without going over the hours, judged by what others took.

        Estimates made beforehand are too rough for that: the first job is begun alone, to learn what it takes.
        """
        cap = self.plan.budget.device_hours
        if cap is None:
            return list(ready)
        if not self._measured():
            return [] if any(self._open_places()) else list(ready[:1])
        room = cap * 3600 - self.facts.seconds - sum(self._expected(place) for place in self._open_places())
        begin = []
        for place in ready:
            room -= self._expected(place)
            if room < 0:
                break
            begin.append(place)
        return begin

    def _open_places(self) -> Iterator[Place]:
        return (place for place, run in self.facts.runs.items() if run.open)

    def _expected(self, place: Place) -> float:
        """Seconds of a job: what others of its arm took, or of any arm in proportion to the estimates."""
        done = self._measured()
        own = [seconds for arm, seconds in done if arm == place[0]]
        if own:
            return fmean(own)
        return self.plan.arm(place[0]).seconds * fmean(
            seconds / max(self.plan.arm(arm).seconds, 1e-3) for arm, seconds in done
        )

    def _measured(self) -> list[tuple[str, float]]:
        """Seconds of the jobs that have ended, with their arms."""
        return [(arm, run.seconds) for (arm, _), run in self.facts.runs.items() if run.seconds and not run.open]

    def _budget_is_spent(self, wanted: Sequence[Place], begin: Sequence[Place]) -> bool:
        """Whether jobs are left that may not be begun any more; their arms are stopped."""
        cap = self.plan.budget.device_hours
        if cap is None or begin or not wanted or self._something_runs() or self._teachers_to_train():
            return False
        for arm in {name for name, _ in wanted}:
            told = f"{self.facts.seconds / 3600:.3g} of {cap:g} device hours are used"
            self.stop[arm] = Stopped("over_budget", f"{told}: no further job is begun", self._tried(arm))
        return True
