"""The runs of a plan: networks that are trained first, the student alone, searches, the twin, the distillation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import takewhile
from typing import Any

from kdcore.spec.base import Problem, SpecError, pointer, suggestion
from kdcore.spec.catalogue import Description
from kdcore.spec.copies import copied_blocks
from kdcore.spec.dataset_plan import DatasetPlan
from kdcore.spec.job import JobSpec
from kdcore.spec.networks import Further, PathNetwork, Peer
from kdcore.spec.objective import MethodSpec, PointPair, Stage
from kdcore.spec.others import Others
from kdcore.spec.plan import LABELS, STUDENT, TEACHER, CopyPlan, GuardPlan, RunPlan, StagePlan
from kdcore.spec.presets import expand_preset
from kdcore.spec.quantising import last_stage_fault, quantised
from kdcore.spec.rates import by_depth, frozen, product
from kdcore.spec.terms import TermPlanner
from kdcore.spec.training import TeacherTraining, Training
from kdcore.spec.translation import translated

ALONE = "student-alone"


@dataclass
class RunMaker:
    """Makes the runs of one job.

    Attributes:
        spec, method, dataset: of the job; the method expanded.
        others: every network of the method.
        problems: filled while planning.
    """

    spec: JobSpec
    method: MethodSpec
    dataset: DatasetPlan
    others: Others
    problems: list[Problem]
    _copied: CopyPlan | None = None

    @property
    def networks(self) -> Mapping[str, Description]:
        """Every network by name."""
        return self.others.networks

    @property
    def learners(self) -> tuple[str, ...]:
        """Who may learn in the distillation; the delivered network first."""
        through_student = {name for name, path in self.others.paths.items() if path.of == STUDENT}
        paths = [name for name in self.others.paths if name not in through_student]
        return (self.method.delivers, *self.others.peers, *paths)

    def runs(self) -> tuple[RunPlan, ...]:
        """Every run, in an order in which each finds what it needs."""
        stages = self._quantised(self._stages(self.method, self.learners, "/method"))
        if self.problems:
            return ()
        self._copied = self._copies()
        self._check_layers()
        main = self._student_run("distil", stages, self.learners)
        searches = self._searches() if any(stage.search for stage in self.method.stages) else ()
        twin, guard = self._twin(stages)
        main = main.model_copy(
            update={
                "choices": self._choices(stages, searches),
                "guard": guard,
            }
        )
        taught = main.needs or len(main.learners) > 1
        alone = self._alone_run() if taught and self.spec.baseline else ()
        firsts = self._firsts({name for run in (main, *alone) for name in run.needs})
        return (*firsts, *alone, *searches, *twin, main)

    def _stages(self, method: MethodSpec, learners: Sequence[str], at: str) -> tuple[StagePlan, ...]:
        planner = TermPlanner(
            self.networks,
            learners,
            self.spec.training.optimizer.name,
            self._rates if learners[0] == STUDENT else {},
            self.dataset.task,
            self.dataset.input,
        )
        stages = planner.method(method, at)
        self.problems += planner.problems
        return stages

    def _quantised(self, stages: tuple[StagePlan, ...]) -> tuple[StagePlan, ...]:
        """The student's stages, the last one cut where a part of it trains as int8."""
        asked = self.spec.training.quantise
        if asked is None or not stages or self.problems:
            return stages
        fault = last_stage_fault(stages, asked)
        if fault is not None:
            self.problems.append(fault)
            return stages
        return quantised(stages, asked)

    def _choices(self, stages: Sequence[StagePlan], searches: Sequence[RunPlan]) -> dict[str, tuple[str, ...]]:
        """The searches of the stages that search, and of what goes on from such a stage."""
        names = tuple(run.name for run in searches)
        asked = [stage.search is not None for stage in self.method.stages]
        asked += asked[-1:] * (len(stages) - len(asked))
        return {stage.name: names for stage, searched in zip(stages, asked, strict=True) if searched}

    def _preset(self, name: str, options: dict[str, Any], epochs: int) -> MethodSpec:
        """A preset's objective, for the dataset's task."""
        return translated(expand_preset(name, options, epochs), name, self.dataset.info)

    def _alone_run(self) -> tuple[RunPlan, ...]:
        planner = TermPlanner(self.networks, (STUDENT,), rates=self._rates, task=self.dataset.task)
        stages = planner.method(self._preset(ALONE, {}, self.spec.training.epochs), "/baseline")
        return (self._student_run("alone", self._quantised(stages), (STUDENT,)),)

    def _student_run(self, name: str, stages: tuple[StagePlan, ...], may_learn: Sequence[str]) -> RunPlan:
        terms = [term for stage in stages for term in stage.terms]
        taught = {term.to for term in terms}
        learners = tuple(learner for learner in may_learn if learner == may_learn[0] or learner in taught)
        only_labels = all(term.source == LABELS for term in terms) and not any(stage.writing for stage in stages)
        labels, copied = self.spec.student.labels, self._copied
        return RunPlan(
            name=name,
            phase="train",
            learners=learners,
            needs=tuple(dict.fromkeys([*self._needs(stages, learners), *((copied.of,) if copied else ())])),
            stages=stages,
            training=with_flip(self.spec.training, self.dataset),
            sample="labelled" if only_labels and labels else "all",
            labels=labels,
            steps_per_epoch=self.dataset.counts.train // self.spec.training.batch_size,
            copies=copied,
            rates={name: rate for name in learners[1:] if (rate := self._rate(name)) != 1},
        )

    @cached_property
    def _rates(self) -> dict[str, float]:
        """What the training says of the student's layers: the same in every run of the student."""
        training, described = self.spec.training, self.networks[STUDENT]
        paths = [layer.path for layer in described.layers]
        for number, path in enumerate(training.freeze):
            if path not in paths:
                at = pointer("training", "freeze", number)
                message = f"the student has no layer {path!r}; {suggestion(path, paths)}"
                self.problems.append(Problem(pointer=at, code="unknown_layer", message=message))
        depth = {} if training.layer_decay is None else by_depth(training.layer_decay, paths, described.features)
        return product(frozen(training.freeze), depth)

    def _check_layers(self) -> None:
        """Options of the student's layers mean nothing where a path around it is what learns first."""
        training, delivered = self.spec.training, self.method.delivers
        asked = {"freeze": training.freeze, "layer_decay": training.layer_decay}
        for name in [name for name, value in asked.items() if value and delivered != STUDENT]:
            message = f"works on the student's own layers, and this method delivers {delivered!r}: leave it out"
            self.problems.append(Problem(pointer=pointer("training", name), code="not_with_path", message=message))

    def _rate(self, learner: str) -> float:
        """What the method says of the learning rate of a network beside the student."""
        asked = self.method.networks[learner]
        return asked.learning_rate_scale if isinstance(asked, PathNetwork | Peer) else 1.0

    def _needs(self, stages: Sequence[StagePlan], learners: Sequence[str]) -> tuple[str, ...]:
        """Frozen networks that the stages listen to, or that a path of theirs leads through."""
        heard = [name for stage in stages for term in stage.terms for name in term.speakers]
        heard += [stage.writing.writer for stage in stages if stage.writing is not None]
        paths = [self.others.paths[name] for name in (*learners, *heard) if name in self.others.paths]
        under = [name for path in paths for name in (path.of, path.borrows) if name is not None]
        names = [name for name in (*heard, *under) if name not in learners and name != STUDENT]
        return tuple(dict.fromkeys(names))

    def _copies(self) -> CopyPlan | None:
        asked = self.spec.student.copy_of
        if asked is None:
            return None
        try:
            blocks = copied_blocks(asked, self.networks[STUDENT], self.networks[TEACHER])
        except (ValueError, KeyError) as error:
            message = "name a teacher to copy from" if isinstance(error, KeyError) else str(error)
            self.problems.append(Problem(pointer="/student/copy", code="nothing_to_copy", message=message))
            return None
        return CopyPlan(of=TEACHER, blocks=blocks)

    def _firsts(self, needed: set[str]) -> tuple[RunPlan, ...]:
        """Runs of the needed networks that are trained in this job, each behind whom it follows."""
        ordered: list[RunPlan] = []
        done: set[str] = set()

        def add(name: str) -> None:
            if name in done:
                return
            done.add(name)
            run = self._first(name)
            if run is not None:
                for other in run.needs:
                    add(other)
                ordered.append(run)

        for name in [TEACHER, *sorted(needed)]:
            if name in needed:
                add(name)
        return tuple(ordered)

    def _first(self, name: str) -> RunPlan | None:
        if name == TEACHER:
            teacher = self.spec.teacher
            return self._first_run(name, teacher.train, None) if teacher is not None and teacher.train else None
        asked = self.others.further.get(name)
        return self._first_run(name, asked.train, asked) if asked is not None and asked.train else None

    def _first_run(self, name: str, train: TeacherTraining, asked: Further | None) -> RunPlan:
        changes = {key: value for key, value in dict(train).items() if value is not None}
        followed = None if asked is None else asked.follows
        inherited = self.spec.training.augment
        if followed is None:  # nobody's outputs are kept in its run, so nothing is gained by showing the same views
            inherited = inherited.model_copy(update={"views": None})
        changes = {"augment": inherited, **changes, "rollback": None, "quantise": None}
        training = with_flip(self.spec.training.model_copy(update=changes), self.dataset)
        method = (
            self._preset(ALONE, {}, train.epochs)
            if asked is None or followed is None
            else self._preset(asked.method.preset, asked.method.options, train.epochs)
        )
        stages = self._stages(_spoken_by(method, name, followed), (name,), f"/method/networks/{name}/method")
        return RunPlan(
            name=name,
            phase="teacher",
            learners=(name,),
            needs=self._needs(stages, (name,)),
            stages=stages,
            training=training,
            sample="all",
            labels=None,
            steps_per_epoch=self.dataset.counts.train // training.batch_size,
        )

    def _searches(self) -> tuple[RunPlan, ...]:
        """A short run of the whole method for each candidate."""
        searched = [stage for stage in self.method.stages if stage.search is not None]
        if len(searched) > 1:
            message = "only one stage of a method can search for its points"
            self.problems.append(Problem(pointer="/method/stages", code="two_searches", message=message))
            return ()
        search = searched[0].search
        assert search is not None
        runs = []
        for number, candidate in enumerate(search.candidates, start=1):
            tried = tuple(_tried(stage, candidate) for stage in self.method.stages)
            short = self.method.model_copy(update={"stages": shortened(tried, max(search.epochs, len(tried)))})
            stages = self._stages(short, self.learners, "/method")
            runs.append(self._student_run(f"search-{number}", stages, self.learners))
        return tuple(runs)

    def _twin(self, stages: tuple[StagePlan, ...]) -> tuple[tuple[RunPlan, ...], GuardPlan | None]:
        """The same run without the terms that compare features, up to where the two are compared."""
        guard = self.method.guard
        if guard is None:
            return (), None
        epochs = max(1, round(guard.share * self.spec.training.epochs), _before_accuracy(stages) + 1)
        kept = _up_to(_without_features(stages), epochs)
        if not kept:
            message = "a guard compares with the method without its feature terms, and nothing would be left of it"
            self.problems.append(Problem(pointer="/method/guard", code="nothing_to_compare", message=message))
            return (), None
        epoch = sum(stage.epochs for stage in kept)
        plan = GuardPlan(twin="twin", epoch=epoch, tolerance=guard.tolerance, action=guard.action)
        return (self._student_run("twin", kept, self.learners),), plan


def with_flip(training: Training, dataset: DatasetPlan) -> Training:
    """``flip`` decided by what the dataset allows."""
    augment = training.augment
    if augment.flip is None:
        augment = augment.model_copy(update={"flip": dataset.flip})
    return training.model_copy(update={"augment": augment})


def _spoken_by(method: MethodSpec, learner: str, followed: str | None) -> MethodSpec:
    """A preset's terms between other networks than teacher and student.

    Raises:
        SpecError: for a preset that brings networks of its own.
    """
    if method.networks:
        message = f"network {learner!r} can only be taught by a method without networks of its own"
        problem = Problem(pointer=f"/method/networks/{learner}/method", code="method_too_rich", message=message)
        raise SpecError([problem])
    names = {STUDENT: learner, TEACHER: followed or TEACHER}
    if names[TEACHER] != TEACHER and any(_reads_teacher(stage) for stage in method.stages):
        message = f"network {learner!r} would learn from texts of the teacher, and it follows {followed!r}"
        problem = Problem(pointer=f"/method/networks/{learner}/method", code="method_too_rich", message=message)
        raise SpecError([problem])

    def moved(stage: Stage) -> Stage:
        terms = tuple(
            term.model_copy(
                update={"to": names.get(term.to, term.to), "source": tuple(names.get(s, s) for s in term.source)}
            )
            for term in stage.terms
        )
        balance = {names.get(name, name): kind for name, kind in stage.balance.items()}
        trains = stage.trains.replace(STUDENT, learner, 1)
        return stage.model_copy(update={"terms": terms, "balance": balance, "trains": trains})

    return method.model_copy(update={"stages": tuple(moved(stage) for stage in method.stages)})


def _reads_teacher(stage: Stage) -> bool:
    return stage.generated_by is not None and stage.generated_by.by == TEACHER


def _tried(stage: Stage, candidate: PointPair) -> Stage:
    """A searched stage with one candidate as the points of its first term, and trained up to there."""
    if stage.search is None:
        return stage
    first, *rest = stage.terms
    terms = (first.model_copy(update={"points": candidate}), *rest)
    trains = f"{STUDENT}.upto({candidate.to[-1]})" if ".upto(" in stage.trains else stage.trains
    return stage.model_copy(update={"terms": terms, "trains": trains})


def shortened(stages: Sequence[Stage], epochs: int) -> tuple[Stage, ...]:
    """The stages with fewer epochs, shared as before; each keeps at least one."""
    shares = shares_of([stage.epochs for stage in stages], epochs)
    return tuple(stage.model_copy(update={"epochs": share}) for stage, share in zip(stages, shares, strict=True))


def shares_of(before: Sequence[int], epochs: int) -> list[int]:
    """So many epochs shared among stages as they were before; each gets at least one."""
    shares = [max(1, round(own * epochs / sum(before))) for own in before]
    return [*shares[:-1], max(1, epochs - sum(shares[:-1]))]


def _before_accuracy(stages: Sequence[StagePlan]) -> int:
    """Epochs of the first stages that train only a part of the network: there is nothing to compare until then."""
    return sum(stage.epochs for stage in takewhile(lambda stage: stage.upto is not None, stages))


def _without_features(stages: Sequence[StagePlan]) -> tuple[StagePlan, ...]:
    """The stages' other terms; a stage of feature terms alone gives its epochs to the one behind it."""
    kept: list[StagePlan] = []
    spare = 0
    for stage in stages:
        terms = tuple(term for term in stage.terms if not term.compares_features)
        if terms and stage.upto is None:
            kept.append(stage.model_copy(update={"terms": terms, "epochs": stage.epochs + spare}))
            spare = 0
        else:
            spare += stage.epochs
    return tuple(kept)


def _up_to(stages: Sequence[StagePlan], epochs: int) -> tuple[StagePlan, ...]:
    """The stages until ``epochs`` are over, at the learning rates that they have there."""
    kept: list[StagePlan] = []
    for stage in stages:
        left = epochs - sum(one.epochs for one in kept)
        if left > 0:
            kept.append(stage.model_copy(update={"epochs": min(stage.epochs, left), "scheduled": stage.epochs}))
    return tuple(kept)
