"""What every adapter is tried on: layers of both sides that it joins, those that it cannot join, further options."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import torch
from torch import nn

from kdcore.objective.terms import Cast, TermModule
from kdcore.seeds import generator, seeded
from kdcore.spec.named import AdapterKind, Kind
from kdcore.spec.plan import PairPlan, TermPlan
from kdcore.spec.rooms import ADAPTERS
from kdcore.spec.terms import LIST_ADAPTERS

BATCH = 4

VECTOR, WIDER_VECTOR = (6,), (9,)
TOKENS, WIDER_TOKENS, GRID = (5, 6), (5, 9), (17, 9)
MAP, WIDER_MAP, SMALL_MAP, ODD_MAP = (6, 8, 8), (9, 8, 8), (9, 4, 4), (7, 5, 3)
ROW, SHORT_ROW, ODD_ROW, STEPS = (6, 1, 12), (9, 1, 4), (7, 1, 7), (5, 9)
ANY = (VECTOR, WIDER_VECTOR, TOKENS, WIDER_TOKENS, GRID, MAP, WIDER_MAP, SMALL_MAP, ODD_MAP, ROW, SHORT_ROW, ODD_ROW)
"""Shapes of layers, without the batch, of every kind that networks have."""

Layers = tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Row:
    """How one adapter is tried.

    Attributes:
        joins: layers of student and teacher that it can join; each choice among its options is tried on the first.
        refuses: layers that it cannot.
        also: options that are tried beside the default and every choice among its options.
    """

    joins: tuple[tuple[Layers, Layers], ...]
    refuses: tuple[tuple[Layers, Layers], ...] = ()
    also: tuple[Mapping, ...] = ()


TWO_MAPS = ((MAP, SMALL_MAP), (WIDER_MAP, SMALL_MAP))
VECTORS, SEQUENCES = ((VECTOR,), (WIDER_VECTOR,)), ((TOKENS,), (WIDER_TOKENS,))
SHRINKING, GROWING = ((MAP,), (SMALL_MAP,)), ((SMALL_MAP,), (MAP,))
ACROSS, FLAT = ((MAP,), (GRID,)), ((MAP,), (WIDER_VECTOR,))
SERIES, LONGER, PATCHES = ((ROW,), (SHORT_ROW,)), ((SHORT_ROW,), (ROW,)), ((ROW,), (STEPS,))

ROWS = {
    "auto": Row(
        (SHRINKING, GROWING, TWO_MAPS, VECTORS, SEQUENCES, FLAT, ((MAP,), (ODD_MAP,)), ACROSS, SERIES, LONGER, PATCHES),
        (((MAP,), ((7, 6),)), ((VECTOR,), (TOKENS,))),
    ),
    "none": Row((((MAP,), (MAP,)), ((TOKENS, VECTOR), (TOKENS, VECTOR))), (SHRINKING, VECTORS)),
    "linear": Row((VECTORS, SEQUENCES, FLAT, ((MAP,), (WIDER_MAP,))), (SHRINKING, ACROSS, ((VECTOR,), (TOKENS,)))),
    "convolution": Row((SHRINKING, GROWING, TWO_MAPS, SERIES, LONGER), (VECTORS, SEQUENCES), ({"kernel": 5},)),
    "mixture": Row(
        (((MAP, MAP), (WIDER_MAP, SMALL_MAP)), ((TOKENS,), (WIDER_TOKENS, WIDER_TOKENS)), ((VECTOR,), (VECTOR,) * 3)),
        (((MAP,), (MAP, SMALL_MAP)), ((TOKENS,), (GRID, TOKENS)), ((MAP,), (MAP, TOKENS))),
    ),
    "tokens": Row((ACROSS, ((GRID,), (MAP,)), SHRINKING, PATCHES, SERIES), (VECTORS, (((7, 6),), (TOKENS,)))),
    "orthogonal": Row((SHRINKING, GROWING, ACROSS, VECTORS, SEQUENCES, ((VECTOR,), (MAP,)))),
    "subspace": Row((SHRINKING, ACROSS, VECTORS), also=({"width": 12},)),
    "pointwise": Row((SHRINKING, GROWING, VECTORS, SEQUENCES), (ACROSS, FLAT), ({"layers": 3}, {"norm": True})),
    "translator": Row((SHRINKING, GROWING, TWO_MAPS, SERIES), (VECTORS, ACROSS)),
    "fusion": Row((TWO_MAPS, (TWO_MAPS[0], (MAP,)), SHRINKING, SERIES), (VECTORS, ACROSS), ({"width": 5},)),
    "classifier": Row((FLAT, VECTORS, ((GRID,), (WIDER_VECTOR,))), (SHRINKING, SEQUENCES), ({"hidden": 7},)),
}


@dataclass(frozen=True)
class Case:
    """An adapter with options, between layers of two networks."""

    kind: str
    options: dict
    students: Layers
    teachers: Layers

    def shapes(self):
        """Of both sides, batch included."""
        return [[(BATCH, *shape) for shape in side] for side in (self.students, self.teachers)]

    def spoken(self, dtype=torch.float32):
        """What both networks say."""
        sides = zip(("student", "teacher"), self.shapes(), (0, 10), strict=True)
        return {
            name: {f"{name}.{i}": noise(shape, seed + i).to(dtype) for i, shape in enumerate(shapes)}
            for name, shapes, seed in sides
        }

    def plan(self) -> TermPlan:
        """A term that compares all of it."""
        together = self.kind in LIST_ADAPTERS
        own, others = (range(len(side)) for side in (self.students, self.teachers))
        places = [(i, j) for i in own for j in others] if together else list(zip(own, others, strict=True))
        pairs = tuple(PairPlan(to=f"student.{i}", source=f"teacher.{j}") for i, j in places)
        adapter = AdapterKind(kind=self.kind, options=self.options)
        return TermPlan(
            name="term", to="student", source="teacher", pairs=pairs, distance=Kind(kind="mse"), adapter=adapter,
            weight=1, group="distill",
        )  # fmt: skip

    def module(self, seed=0) -> TermModule:
        """The term with its adapter, whose initial weights follow from ``seed``."""
        with seeded(seed, self.kind):
            return TermModule(self.plan(), Cast(self.spoken()))

    def __str__(self):
        options = (f"{name}={value}" for name, value in self.options.items())
        return " ".join([self.kind, *options, f"{self.students} to {self.teachers}"])


def loss(term, spoken):
    """The term's loss on what was said."""
    return term(spoken, torch.zeros(BATCH, dtype=torch.long), {"index": torch.arange(BATCH), "epoch": 0.0, "step": 0})


def asking(spoken):
    """The same, where every tensor asks for a gradient."""
    return {
        who: {point: one.clone().requires_grad_() for point, one in features.items()}
        for who, features in spoken.items()
    }


def noise(shape, seed):
    """Normal numbers that follow from shape and seed."""
    return torch.randn(shape, generator=generator(seed, "sweep"))


def choices(kind) -> Iterator[dict]:
    """The default, and each other choice among the options."""
    yield {}
    for option, schema in ADAPTERS[kind].options.model_json_schema()["properties"].items():
        said = schema.get("enum", [True, False] if schema.get("type") == "boolean" else [])
        yield from ({option: value} for value in said if value != schema["default"])


def cases() -> list[Case]:
    """Every form of an adapter on the first layers it joins, and the default one on the others."""
    found = []
    for kind, row in ROWS.items():
        found += [Case(kind, dict(options), *row.joins[0]) for options in (*choices(kind), *row.also)]
        found += [Case(kind, {}, *layers) for layers in row.joins[1:]]
    return found


def learned(module: nn.Module) -> dict[str, nn.Parameter]:
    """Parameters that learn, by name."""
    return {name: one for name, one in module.named_parameters() if one.requires_grad}
