"""What is known of a job's networks before any is built: by their architectures, or by the cards of brought ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from kdcore.spec.base import Problem, pointer, suggestion
from kdcore.spec.candidates import Proposal
from kdcore.spec.catalogue import (
    BadOption,
    Description,
    InputTooSmall,
    UnknownArchitecture,
    WrongInput,
    WrongTask,
    check_task,
    describe,
)
from kdcore.spec.dataset_plan import DatasetPlan
from kdcore.spec.job import JobSpec, Teacher
from kdcore.spec.network_plans import as_network, chosen, given
from kdcore.spec.networks import Further, Network
from kdcore.spec.objective import MethodSpec
from kdcore.spec.plan import STUDENT, TEACHER
from kdcore.spec.proposal import NothingFits, propose
from kdcore.spec.sources import Source
from kdcore.spec.training import TeacherTraining
from kdcore.spec.trees import tree_description, tree_faults

PATHS_REFUSED = "paths are for 'python -m kdcore' only; the service reads its own data folder"


@dataclass
class Describer:
    """Describes networks, and notes what is wrong with them.

    Attributes:
        spec: of the job; it names a student as soon as one was chosen.
        problems: where faults are added.
        auto: how the student was chosen, where that was left to us.
    """

    spec: JobSpec
    allow_paths: bool
    sources: Mapping[str, Source]
    problems: list[Problem]
    auto: Proposal | None = None

    def networks(self, info: DatasetPlan, method: MethodSpec) -> dict[str, Description]:
        """Teacher, student, and the further networks of the method."""
        teacher = None if self.spec.teacher is None else self._teacher(self.spec.teacher, info)
        found = {STUDENT: self._student(info, teacher), TEACHER: teacher}
        for name, asked in further_of(method).items():
            at = pointer("method", "networks", name)
            self._check_source(at, asked.train, asked.weights)
            found[name] = self._describe_further(name, asked, found, method, info, at)
        return {name: network for name, network in found.items() if network is not None}

    def _student(self, info: DatasetPlan, teacher: Description | None) -> Description | None:
        if not self.spec.student.architecture and not self._choose(info, teacher):
            return None
        source, asked = self.sources.get(STUDENT), self.spec.student
        if source is not None:
            self.problems += source.faults(info)
            own = source.architecture()
            if own is not None and own.architecture != asked.architecture:
                message = f"holds weights of {own.architecture}, and the student is {asked.architecture}: take that one"
                self._problem(source.at, "wrong_architecture", f"model {source.card.name!r} {message}")
        return self._describe(pointer(STUDENT), asked, info)

    def _choose(self, info: DatasetPlan, teacher: Description | None) -> bool:
        """Put the largest student that the budget allows into the spec; whether there is one."""
        asked = self.spec.student
        assert asked.auto is not None
        try:
            self.auto = propose(asked.auto, info, teacher)
        except NothingFits as error:
            self._problem(pointer(STUDENT, "auto"), "nothing_fits", str(error))
            return False
        changes = {"architecture": self.auto.architecture, "width": self.auto.width}
        self.spec = self.spec.model_copy(update={"student": asked.model_copy(update=changes)})
        return True

    def _teacher(self, asked: Teacher, info: DatasetPlan) -> Description | None:
        """By its architecture, or by what is known of a brought one."""
        at, source = pointer(TEACHER), self.sources.get(TEACHER)
        if asked.network is not None:
            self._check_source(at, asked.train, asked.weights)
            return self._describe(at, asked.network, info)
        if asked.trees is not None:
            self.problems += tree_faults(info)
            return tree_description(info)
        if source is None:
            return None
        self.problems += source.faults(info)
        network = source.architecture()
        return source.description(info) if network is None else self._describe(at, network, info)

    def _describe_further(
        self,
        name: str,
        asked: Further,
        found: dict[str, Description | None],
        method: MethodSpec,
        info: DatasetPlan,
        at: str,
    ) -> Description | None:
        if (asked.architecture is None) == (asked.like is None):
            message = "name either an architecture, or with 'like' the network whose architecture it has"
            self._problem(at, "invalid_value", message)
            return None
        if asked.follows is not None and asked.follows not in (TEACHER, *_earlier(name, method)):
            message = f"{asked.follows!r} does not come before {name!r}: follow teacher or a network declared earlier"
            self._problem(at + pointer("follows"), "unknown_network", message)
        if asked.like is not None:
            if asked.like not in found:
                message = f"no network {asked.like!r} here; {suggestion(asked.like, found)}"
                self._problem(at + pointer("like"), "unknown_network", message)
            return found.get(asked.like)
        return self._describe(at, as_network(asked), info)

    def _describe(self, at: str, network: Network, info: DatasetPlan) -> Description | None:
        classes = network.classes or info.num_classes
        if classes != info.num_classes:
            message = (
                f"{classes} classes, but dataset {info.name!r} has {info.num_classes}: "
                "leave 'classes' out or choose another dataset"
            )
            self._problem(at + pointer("classes"), "class_count_differs", message)
        options = chosen(network)
        for name in {"vocabulary", "source_length"} & set(options):
            self._problem(at + pointer("options", name), "invalid_value", f"{name} follows the dataset: leave it out")
            return None
        try:
            check_task(network.architecture, info.task)
            return describe(network.architecture, num_classes=classes, **given(info), **options)
        except UnknownArchitecture as error:
            self._problem(at + pointer("architecture"), "unknown_architecture", str(error))
        except BadOption as error:
            place = ("options", error.option) if error.option in network.options else (error.option,)
            self._problem(at + pointer(*place), "invalid_value", str(error))
        except InputTooSmall as error:
            self._problem(at + pointer("architecture"), "input_too_small", str(error))
        except WrongInput as error:
            self._problem(at + pointer("architecture"), "wrong_input", str(error))
        except WrongTask as error:
            self._problem(at + pointer("architecture"), "wrong_task", str(error))
        return None

    def _check_source(self, at: str, train: TeacherTraining | None, weights: str | None) -> None:
        """A network that speaks is either trained in the job or given."""
        who = at.rpartition("/")[2]
        if train is None and weights is None:
            message = f"the {who} is neither trained nor given: add train: {{epochs: ...}}"
            self._problem(at + pointer("train"), "teacher_untrained", message)
        if train is not None and weights is not None:
            self._problem(at + pointer("weights"), "teacher_twice", "give either 'train' or 'weights', not both")
        if weights is not None and not self.allow_paths and at != pointer(TEACHER):
            self._problem(at + pointer("weights"), "path_refused", f"{PATHS_REFUSED} (got {weights!r})")

    def _problem(self, at: str, code: str, message: str) -> None:
        self.problems.append(Problem(pointer=at, code=code, message=message))


def further_of(method: MethodSpec) -> dict[str, Further]:
    """The networks that a method declares beside teacher and student."""
    return {name: network for name, network in method.networks.items() if isinstance(network, Further)}


def _earlier(name: str, method: MethodSpec) -> list[str]:
    """Further networks that are declared before ``name``."""
    names = list(further_of(method))
    return names[: names.index(name)]
