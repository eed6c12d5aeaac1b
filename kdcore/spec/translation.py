"""A method that was written for classes, said for another task: with the task's own losses."""

from __future__ import annotations

from kdcore.spec.advice import within_classes
from kdcore.spec.base import Problem, SpecError
from kdcore.spec.named import Kind
from kdcore.spec.objective import MethodSpec, Stage, Term
from kdcore.spec.plan import LABELS
from kdcore.spec.points import LOGITS
from kdcore.spec.rooms import DISTANCES
from kdcore.spec.tasks import TaskInfo

PLAIN = frozenset({"kl", "soft_cross_entropy"})
"""Distances that say no more than that two outputs should be alike; each task has its own for that."""


def translated(method: MethodSpec, name: str, task: TaskInfo) -> MethodSpec:
    """A preset's objective for ``task``.

    Args:
        name: of the preset, for the error.

    Raises:
        SpecError: a term that means nothing where outputs are no classes.
    """

    def of_stage(stage: Stage) -> Stage:
        return stage.model_copy(update={"terms": tuple(_term(term, name, task) for term in stage.terms)})

    return method.model_copy(update={"stages": tuple(map(of_stage, method.stages))})


def _term(term: Term, name: str, task: TaskInfo) -> Term:
    kind, piece = term.distance.kind, DISTANCES[term.distance.kind]
    if task.name in piece.tasks and piece.reads in (LABELS, LOGITS):
        return term
    if kind == "cross_entropy":
        return term.model_copy(update={"distance": _said(term.distance, task.label_loss)})
    if kind in PLAIN and term.points == LOGITS:
        return term.model_copy(update={"distance": _said(term.distance, task.output_loss)})
    if piece.reads == "features" and (task.answers_classes or not asks_classes(term.distance)):
        return term
    message = (
        f"method {name!r} compares classes ({kind}), and the dataset's task is {task.name}: take hinton or a method "
        "that matches features, such as fitnet or attention, or write the objective out"
    )
    raise SpecError([Problem(pointer="/method", code="method_not_for_task", message=message)])


def _said(distance: Kind, kind: str) -> Kind:
    """The task's distance, with those options of the other that it has, too."""
    known = DISTANCES[kind].options.model_fields
    return Kind(kind=kind, options={name: value for name, value in distance.options.items() if name in known})


def asks_classes(distance: Kind) -> bool:
    """Whether a distance between features looks at classes: the labels', or the classifiers'."""
    needs = set(DISTANCES[distance.kind].needs)
    heads = {"student_head", "teacher_head", "student_logits", "teacher_logits", "target"}
    return within_classes(distance) or bool(needs & heads) or distance.options.get("given") == LOGITS
