"""What a plan says of each network: its size, what it is built with, and where its weights come from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kdcore.spec.catalogue import following_options
from kdcore.spec.dataset_plan import DatasetPlan
from kdcore.spec.job import JobSpec
from kdcore.spec.networks import Further, Network
from kdcore.spec.others import Others
from kdcore.spec.plan import STUDENT, TEACHER, NetworkPlan
from kdcore.spec.sources import Source


@dataclass(frozen=True)
class NetworkPlans:
    """The networks of a job once they are described."""

    spec: JobSpec
    sources: Mapping[str, Source]
    others: Others
    info: DatasetPlan

    def all(self) -> dict[str, NetworkPlan]:
        """The networks of the job that have weights of their own; paths are built from them."""
        return {name: self._plan(name) for name in self.others.networks if name not in self.others.paths}

    def _plan(self, name: str) -> NetworkPlan:
        others, info = self.others, self.info
        described = others.networks[name]
        asked = self._asked(name)
        weights = self.spec.teacher.weights if name == TEACHER and self.spec.teacher is not None else None
        if name in others.further:
            weights = others.further[name].weights
        source = self.sources.get(name)
        own: dict[str, Any] = {
            "options": _build_options(asked, info) if asked is not None or source is None else dict(source.card.options)
        }
        return NetworkPlan(
            architecture=described.architecture,
            num_classes=info.num_classes,
            parameters=described.parameters,
            macs=described.macs,
            classifier=described.classifier,
            blocks=described.features,
            exact=described.exact,
            **own | ({"weights": weights, **self._of_trees(name)} if source is None else self._of_source(source)),
        )

    def _of_trees(self, name: str) -> dict[str, Any]:
        teacher = self.spec.teacher
        if name != TEACHER or teacher is None or teacher.trees is None:
            return {}
        return {"kind": "trees", "options": teacher.trees.model_dump(), "gate": teacher.gate}

    def _of_source(self, source: Source) -> dict[str, Any]:
        """What a plan says of a network that was brought."""
        card, teacher = source.card, self.spec.teacher
        given = source.network == TEACHER and not source.trained
        return {
            "kind": "built" if card.kind == "weights" else card.kind,
            "weights" if given else "starts": source.file,
            "model": source.model,
            "mean": () if source.network == STUDENT else card.mean,
            "std": () if source.network == STUDENT else card.std,
            "gate": teacher.gate if given and teacher is not None else None,
        }

    def _asked(self, name: str) -> Network | None:
        """The architecture that a network has, its own or that of the one that it is like; None for a black box."""
        if name == STUDENT:
            return self.spec.student
        if name == TEACHER:
            assert self.spec.teacher is not None
            source = self.sources.get(TEACHER)
            return self.spec.teacher.network or (None if source is None else source.architecture())
        if name in self.others.peers:
            return self._asked(self.others.peers[name])
        further = self.others.further[name]
        if further.like is not None:
            return self._asked(further.like)
        return as_network(further)


def as_network(asked: Further) -> Network:
    """A further network by its architecture."""
    assert asked.architecture is not None
    return Network(architecture=asked.architecture, width=asked.width, classes=asked.classes, options=asked.options)


def _build_options(asked: Network | None, dataset: DatasetPlan) -> dict[str, Any]:
    """The width that was asked for, and what the network's family takes from the input."""
    if asked is None:
        return {}
    return {**following_options(asked.architecture, **given(dataset)), **chosen(asked)}


def given(dataset: DatasetPlan) -> dict[str, Any]:
    """The input that networks get, as the catalogue asks for it."""
    found = dataset.input
    return {
        "input_shape": found.shape,
        "vocabulary": found.vocabulary,
        "source_length": found.source_length,
        "special": found.special,
    }


def chosen(asked: Network) -> dict[str, Any]:
    """The options that a spec names."""
    return dict(asked.options) if asked.width is None else {**asked.options, "width": asked.width}
