"""Networks that were brought, as a plan sees them: what their cards say, and whether that suits the dataset."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from kdcore.spec.base import Problem, pointer
from kdcore.spec.brought import Brought, BroughtModel
from kdcore.spec.cards import ModelCard
from kdcore.spec.catalogue import Description, LayerInfo
from kdcore.spec.dataset_plan import DatasetPlan
from kdcore.spec.job import JobSpec, ModelRef
from kdcore.spec.networks import Network
from kdcore.spec.plan import STUDENT, TEACHER, ModelPlan, PlanWarning

BLACK_BOXES = {"onnx": "a black box, an ONNX graph", "outputs": "a table of stored outputs"}


@dataclass(frozen=True)
class Source:
    """The brought model of one network.

    Attributes:
        network: of the job.
        at: JSON pointer of where the spec names it.
        ref: how.
        found: the model.
        trained: whether a run of the job trains it further.
    """

    network: str
    at: str
    ref: ModelRef
    found: BroughtModel
    trained: bool

    @property
    def card(self) -> ModelCard:
        """Of the model."""
        return self.found.card

    @property
    def model(self) -> ModelPlan:
        """As a plan has it."""
        card = self.card
        return ModelPlan(name=card.name, id=self.ref.id, version=self.found.version, sha256=card.sha256)

    @property
    def file(self) -> str:
        """That it comes from, relative to the job's folder."""
        return self.found.file(self.network)

    def architecture(self) -> Network | None:
        """The network that it is, unless it is a black box."""
        if self.card.architecture is None:
            return None
        return Network(architecture=self.card.architecture, options=self.card.options)

    def description(self, dataset: DatasetPlan) -> Description:
        """Of a black box: outputs, and nothing inside."""
        card = self.card
        shape = (card.num_outputs or dataset.num_classes,)
        outputs = LayerInfo("outputs", "BlackBox", shape, shape)
        return Description(
            architecture=card.kind,
            parameters=card.parameters or 0,
            macs=card.macs or 0,
            layers=(outputs,),
            features=(),
            classifier="outputs",
            middle="",
            exact=False,
            black_box=BLACK_BOXES[card.kind],
        )

    def faults(self, dataset: DatasetPlan) -> Iterator[Problem]:
        """Why it cannot be used with this dataset."""
        card, at = self.card, self.at
        if card.kind != "weights" and (self.trained or self.network == STUDENT):
            message = f"model {card.name!r} is {BLACK_BOXES[card.kind]}: it can teach, and cannot be trained"
            yield Problem(pointer=at, code="black_box", message=message)
        if card.task is not None and card.task != dataset.task:
            message = f"model {card.name!r} answers {card.task}, the dataset asks for {dataset.task}: take another"
            yield Problem(pointer=at, code="wrong_task", message=message)
        fresh = self.trained or self.network == STUDENT
        if card.num_outputs not in (None, dataset.num_classes) and not fresh:
            message = (
                f"model {card.name!r} has {card.num_outputs} outputs, dataset {dataset.name!r} asks for "
                f"{dataset.num_classes}: train it further with train: {{epochs: ...}}, or take another"
            )
            yield Problem(pointer=at, code="class_count_differs", message=message)
        yield from self._input_faults(dataset)
        yield from self._class_faults(dataset)

    def _input_faults(self, dataset: DatasetPlan) -> Iterator[Problem]:
        given = self.card.input
        if given is None:
            return
        exact = self.card.kind == "onnx"
        if given.kind != dataset.input.kind or (exact and given.shape != dataset.input.shape):
            message = (
                f"model {self.card.name!r} takes {given.kind} of shape {given.shape}, dataset {dataset.name!r} has "
                f"{dataset.input.kind} of shape {dataset.input.shape}: bring the dataset at that size"
            )
            yield Problem(pointer=self.at, code="wrong_input", message=message)
        if given.vocabulary not in (None, dataset.input.vocabulary):
            message = (
                f"model {self.card.name!r} knows {given.vocabulary} tokens, dataset {dataset.name!r} has "
                f"{dataset.input.vocabulary}: bring the dataset with the model's tokenizer"
            )
            yield Problem(pointer=self.at, code="wrong_vocabulary", message=message)

    def _class_faults(self, dataset: DatasetPlan) -> Iterator[Problem]:
        own, wanted = self.card.classes, dataset.target.classes
        if own and own != wanted and sorted(own) == sorted(wanted):
            message = (
                f"model {self.card.name!r} has the dataset's classes in another order ({', '.join(own[:5])}, ...): "
                "bring one of them again with 'classes' in the other's order"
            )
            yield Problem(pointer=self.at, code="classes_differ", message=message)

    def warnings(self, dataset: DatasetPlan) -> Iterator[PlanWarning]:
        """What is legal and perhaps not meant."""
        own, wanted = self.card.classes, dataset.target.classes
        if own and len(own) == len(wanted) and sorted(own) != sorted(wanted):
            message = (
                f"model {self.card.name!r} calls its classes {', '.join(own[:3])}, ..., the dataset "
                f"{', '.join(wanted[:3])}, ...: they are taken in their order"
            )
            yield PlanWarning(code="classes_differ", pointer=self.at, message=message)
        if self.network == STUDENT and self.card.mean:
            message = (
                f"model {self.card.name!r} was trained on inputs normalised by other figures than this dataset's: "
                "the student gets the dataset's, and has to get used to them"
            )
            yield PlanWarning(code="normalised_otherwise", pointer=self.at, message=message)


def sources(spec: JobSpec, brought: Brought, problems: list[Problem]) -> dict[str, Source]:
    """The brought models of a job, by network; what is not there becomes a problem."""
    asked: dict[str, tuple[str, ModelRef | None, bool]] = {
        STUDENT: (pointer(STUDENT, "init"), spec.student.init, True),
    }
    if spec.teacher is not None:
        asked[TEACHER] = (pointer(TEACHER), spec.teacher.model, spec.teacher.train is not None)
    found = {}
    for network, (at, ref, trained) in asked.items():
        if ref is None:
            continue
        model = brought.models.get(ref.key)
        if model is None:
            place = at + pointer("id" if ref.id is not None else "path")
            message = f"no model {ref.key!r} that is ready; list them first"
            if not any(problem.pointer == place for problem in problems):  # a path that is refused is nothing else
                problems.append(Problem(pointer=place, code="unknown_model", message=message))
        else:
            found[network] = Source(network, at, ref, model, trained)
    return found
