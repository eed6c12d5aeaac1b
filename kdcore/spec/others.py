"""The networks that a method declares beside teacher and student, looked up and checked before anything is built."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from kdcore.spec.base import Problem, Strict, pointer, suggestion
from kdcore.spec.catalogue import Description
from kdcore.spec.networks import Further, OtherNetwork, PathNetwork, Peer
from kdcore.spec.paths import BORROWING, THROUGH_STUDENT, path_description
from kdcore.spec.plan import LABELS, STUDENT, TEACHER, PathPlan
from kdcore.spec.points import UnknownLayer, resolve
from kdcore.spec.rooms import PATHS, BadPiece, piece_options
from kdcore.spec.rooms.paths import PromptOptions
from kdcore.spec.stage_ends import stage_ends

ON_OUTPUTS = "outputs"
"""The path that needs nothing of a network but its outputs."""

RESERVED = {STUDENT, TEACHER, LABELS, "alone", "distil", "twin"}


@dataclass
class Others:
    """What a method's own networks turned out to be.

    Attributes:
        networks: every network by name, teacher and student first; filled with the paths' descriptions.
        paths: derived networks.
        peers: networks that learn beside the student.
        further: networks that are trained first or given.
        problems: what is wrong with them.
    """

    networks: dict[str, Description]
    paths: dict[str, PathPlan] = field(default_factory=dict)
    peers: dict[str, str] = field(default_factory=dict)
    further: dict[str, Further] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def problem(self, at: str, code: str, message: str) -> None:
        """Remember one fault."""
        self.problems.append(Problem(pointer=at, code=code, message=message))

    def declare(self, asked: Mapping[str, OtherNetwork]) -> None:
        """Paths last, because they may lead through any of the others."""
        for name, network in asked.items():
            at = pointer("method", "networks", name)
            if name in RESERVED or not name.replace("-", "_").isidentifier():
                message = f"{name!r} cannot name a network: take letters, digits, - and _, and none of"
                self.problem(at, "invalid_value", f"{message} {', '.join(sorted(RESERVED))}")
            elif isinstance(network, Peer):
                self._peer(name, network, at)
        for name, network in asked.items():
            if isinstance(network, PathNetwork) and name not in RESERVED:
                self._path(name, network, pointer("method", "networks", name))

    def _known(self, name: str, at: str) -> bool:
        if name not in self.networks:
            self.problem(at, "unknown_network", f"no network {name!r} here; {suggestion(name, self.networks)}")
        return name in self.networks

    def _peer(self, name: str, peer: Peer, at: str) -> None:
        if self._known(peer.like, at + pointer("like")):
            if self.networks[peer.like].black_box is not None:
                message = f"{peer.like!r} is {self.networks[peer.like].black_box}: nothing can be built like it"
                self.problem(at + pointer("like"), "black_box", message)
                return
            self.networks[name] = self.networks[peer.like]
            self.peers[name] = peer.like

    def _path(self, name: str, asked: PathNetwork, at: str) -> None:
        if not self._known(asked.of, at + pointer("of")):
            return
        try:
            options = piece_options("path", asked.path, asked.options)
        except BadPiece as error:
            for option, code, message in error.faults:
                self.problem(at + (option or pointer("path")), code, message)
            return
        of, kind = self.networks[asked.of], asked.path
        if (kind in THROUGH_STUDENT) != (asked.of == STUDENT):
            wanted = STUDENT if kind in THROUGH_STUDENT else "a frozen network, such as teacher"
            self.problem(
                at + pointer("of"), "wrong_network", f"path {kind!r} leads through {wanted} (got {asked.of!r})"
            )
            return
        if of.black_box is not None and kind != ON_OUTPUTS:
            message = (
                f"{asked.of!r} is {of.black_box}: only path {ON_OUTPUTS!r} leads through what cannot be looked into"
            )
            self.problem(at + pointer("path"), "black_box", message)
            return
        if asked.of in self.paths:
            message = f"a path leads through a network, and {asked.of!r} is a path itself: name its network"
            self.problem(at + pointer("of"), "wrong_network", message)
            return
        if kind in BORROWING and not self._known(asked.borrows, at + pointer("from")):
            return
        borrowed = self.networks[asked.borrows] if kind in BORROWING else None
        if borrowed is not None and borrowed.black_box is not None:
            message = f"{asked.borrows!r} is {borrowed.black_box}: nothing can be borrowed from it"
            self.problem(at + pointer("from"), "black_box", message)
            return
        places = self._places(of, options, at)
        if places is None or (PATHS[kind].maps and not self._maps(asked, places, at)):
            return
        self.paths[name] = PathPlan(
            kind=kind,
            options=asked.options,
            of=asked.of,
            borrows=asked.borrows if borrowed is not None else None,
            at=places,
            classifier=of.classifier,
        )
        factor = float(getattr(options, "factor", 1.0))
        self.networks[name] = path_description(kind, of, places, factor, borrowed)

    def _maps(self, asked: PathNetwork, places: tuple[str, ...], at: str) -> bool:
        """Whether there are maps where a path that needs them acts."""
        ends = {asked.of: places or self.networks[asked.of].features}
        if asked.path in BORROWING:
            ends[asked.borrows] = self.networks[asked.borrows].features
        for name, points in ends.items():
            place = resolve(points[-1], self.networks[name])[-1]
            if place.shape is not None and len(place.shape) != 3:
                found = f"{name}'s {place.point} has {place.shape}"
                message = f"path {asked.path!r} acts on maps with channels, height and width ({found})"
                self.problem(at + pointer("path"), "maps_wanted", f"{message}: take convolutional networks")
                return False
        return True

    def _places(self, of: Description, options: Strict, at: str) -> tuple[str, ...] | None:
        """Where the path acts: at the ends of the stages, or at the point that its options name."""
        if isinstance(options, PromptOptions):
            shapes = {layer.path: layer.shape for layer in of.layers}
            return stage_ends([(path, shapes[path]) for path in of.features], options.sizes.stages)
        named = getattr(options, "at", None)
        if named is None:
            return ()
        try:
            return (resolve(named, of)[-1].point,)
        except (UnknownLayer, ValueError) as error:
            self.problem(at + pointer("at"), "unknown_layer", str(error))
            return None
