"""Methods that are about who teaches: peers, earlier generations, assistants, several teachers."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from kdcore.spec.base import Name, Strict
from kdcore.spec.named import PresetRef
from kdcore.spec.networks import Further, Peer
from kdcore.spec.objective import Kind, MethodSpec, Stage, Term
from kdcore.spec.presets.base import Preset, Presets, task
from kdcore.spec.training import TeacherTraining


class MutualOptions(Strict):
    """Peers that learn from the labels and from each other.

    Attributes:
        peers: networks beside the student, each of its architecture.
        temperature: of the peers' terms; the paper has none, that is 1.
        weight: of each peer's term; the paper averages over the peers.
    """

    peers: int = Field(default=1, ge=1, le=8)
    temperature: float = Field(default=1, gt=0)
    weight: float = Field(default=1, ge=0)


class HintonTerms(Strict):
    """Weights of the labels and of the teacher's softened probabilities, and the temperature."""

    temperature: float = Field(default=4, gt=0)
    task_weight: float = Field(default=0.1, ge=0)
    distill_weight: float = Field(default=0.9, ge=0)


class BornAgainOptions(HintonTerms):
    """A chain of students of one architecture, each taught by the one before; the last one is delivered.

    Attributes:
        generations: networks before the delivered one; the first is taught by the teacher.
    """

    generations: int = Field(default=1, ge=1, le=8)


class AssistantOptions(HintonTerms):
    """A chain of networks between teacher and student.

    Attributes:
        assistants: architectures in order, from the one that the teacher teaches to the one that teaches the student.
        assistant_epochs: passes of each; as many as the student has when left out.
    """

    assistants: Annotated[tuple[Name, ...], Field(min_length=1, max_length=8)] = ("resnet14",)
    assistant_epochs: int | None = Field(default=None, ge=1, le=10_000)


class SeveralTeachersOptions(HintonTerms):
    """The teacher and further ones, whose logits become one teacher's.

    Attributes:
        teachers: architectures of the further teachers; each is trained like the first, from its own initial weights.
        teacher_epochs: passes of each further teacher; as many as the student has when left out.
        combine: the ``mean`` of the logits, or each teacher by its ``agreement`` with that mean.
    """

    teachers: Annotated[tuple[Name, ...], Field(min_length=1, max_length=7)] = ("resnet14",)
    teacher_epochs: int | None = Field(default=None, ge=1, le=10_000)
    combine: Literal["mean", "agreement"] = "mean"


def _kl(temperature: float) -> Kind:
    return Kind(kind="kl", options={"temperature": temperature})


def _soft(options: HintonTerms, source: tuple[str, ...], epochs: int, combine: str = "mean") -> tuple[Stage, ...]:
    term = Term.model_validate(
        {"from": source, "combine": combine, "distance": _kl(options.temperature), "weight": options.distill_weight}
    )
    return (Stage(name="distil", epochs=epochs, terms=(task(options.task_weight), term)),)


def _hinton(options: HintonTerms) -> PresetRef:
    chosen = {name: getattr(options, name) for name in HintonTerms.model_fields}
    return PresetRef(preset="hinton", options=chosen)


def _mutual(options: MutualOptions, epochs: int) -> MethodSpec:
    names = ["student", *(f"peer-{number + 1}" for number in range(options.peers))]
    terms = []
    for learner in names:
        terms.append(task().model_copy(update={"to": learner}))
        terms += [
            Term.model_validate(
                {
                    "to": learner,
                    "from": other,
                    "distance": _kl(options.temperature),
                    "weight": options.weight / options.peers,
                }
            )
            for other in names
            if other != learner
        ]
    stage = Stage(name="distil", epochs=epochs, terms=tuple(terms))
    return MethodSpec(networks={name: Peer() for name in names[1:]}, stages=(stage,))


def _born_again(options: BornAgainOptions, epochs: int) -> MethodSpec:
    names = [f"generation-{number + 1}" for number in range(options.generations)]
    networks = {
        name: Further(like="student", train=TeacherTraining(epochs=epochs), follows=before, method=_hinton(options))
        for before, name in zip(["teacher", *names], names, strict=False)
    }
    return MethodSpec(networks=dict(networks), stages=_soft(options, (names[-1],), epochs))


def _assistant(options: AssistantOptions, epochs: int) -> MethodSpec:
    names = [f"assistant-{number + 1}" for number in range(len(options.assistants))]
    training = TeacherTraining(epochs=options.assistant_epochs or epochs)
    networks = {
        name: Further(architecture=architecture, train=training, follows=before, method=_hinton(options))
        for before, name, architecture in zip(["teacher", *names], names, options.assistants, strict=False)
    }
    return MethodSpec(networks=dict(networks), stages=_soft(options, (names[-1],), epochs))


def _several(options: SeveralTeachersOptions, epochs: int) -> MethodSpec:
    names = [f"teacher-{number + 2}" for number in range(len(options.teachers))]
    training = TeacherTraining(epochs=options.teacher_epochs or epochs)
    networks = {
        name: Further(architecture=architecture, train=training)
        for name, architecture in zip(names, options.teachers, strict=True)
    }
    stages = _soft(options, ("teacher", *names), epochs, options.combine)
    return MethodSpec(networks=dict(networks), stages=stages)


COMPANY: Presets = {
    "mutual": Preset(
        "Deep mutual learning", "Zhang et al. 2018 (arXiv 1706.00384)",
        "Untrained peers learn from the labels and from each other; no teacher.",
        MutualOptions, _mutual, teacher=False,
        reconstruction="All peers step on the same batch at once, from what each said before the step; the paper's "
        "algorithm 1 updates them one after the other.",
    ),
    "born-again": Preset(
        "Born-again networks", "Furlanello et al. 2018 (arXiv 1805.04770)",
        "Generations of one architecture, each taught by the one before.",
        BornAgainOptions, _born_again,
        reconstruction="Hinton's term with temperature; the paper's generations have the teacher's architecture, here "
        "they have the student's, and the ensemble of generations is not delivered.",
    ),
    "teacher-assistant": Preset(
        "Teacher assistants", "Mirzadeh et al. 2020 (arXiv 1902.03393)",
        "Networks of sizes between teacher and student pass the knowledge on.",
        AssistantOptions, _assistant,
    ),
    "several-teachers": Preset(
        "Several teachers", "You et al. 2017 (KDD 2017), section 3.1",
        "The logits of several teachers, averaged or weighed by agreement, teach as one.",
        SeveralTeachersOptions, _several,
        reconstruction="The paper averages softened probabilities; here logits are averaged. The weighing by agreement "
        "is ours.",
    ),
}  # fmt: skip
