"""Every distance with every choice among its options, and inputs of the kinds that they read."""

import copy
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache

import torch
from distance_rows import ROWS, Row
from torch import Tensor, nn

from kdcore.models import build
from kdcore.objective import distance
from kdcore.objective.distances import UNLABELLED
from kdcore.seeds import generator, seeded
from kdcore.spec.rooms import DISTANCES, BadPiece, piece_options

BOX = 5
"""Numbers of a labelled box."""
BATCH, CLASSES, WIDTH, HEADS, TOKENS, SAMPLES = 6, 5, 4, 2, 5, 24
LABELS = torch.tensor([0, 0, 1, 1, 3, 3])
PICTURE = (40, 48)
"""Height and width of the pictures that detectors see."""

BOXES = torch.tensor(
    [[[kind, 4 + i, 6, 30 + 2 * i, 34], [-1, 0, 0, 0, 0]] for i, kind in enumerate([0, 2, 4, -1, 1, 3])]
)
MASK = torch.tensor([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]]).repeat(3, 1)

SHAPES = {
    "labels": [(CLASSES,)],
    "token labels": [(TOKENS, CLASSES)],
    "boxes": [(43, CLASSES + 5)],
    "value labels": [(CLASSES,)],
    "label sets": [(CLASSES,)],
    "values": [(CLASSES,)],
    "logits": [(CLASSES,)],
    "detections": [(43, CLASSES + 5)],
    "token logits": [(TOKENS, CLASSES)],
    "pixel labels": [(CLASSES, 3, 4)],
    "pixel logits": [(CLASSES, 3, 4)],
    "vectors": [(WIDTH,)],
    "maps": [(WIDTH, 5, 6)],
    "maps with boxes": [(WIDTH, 5, 6)],
    "tokens": [(TOKENS, WIDTH)],
    "scores": [(HEADS, TOKENS, TOKENS)],
    "queries": [(HEADS, TOKENS, WIDTH)],
    "map layers": [(WIDTH, 5, 6), (WIDTH + 2, 3, 4)],
    "token layers": [(TOKENS, WIDTH), (TOKENS, WIDTH)],
    "small maps": [(WIDTH, 3, 4)],
    "more tokens": [(TOKENS + 2, WIDTH)],
    "more scores": [(HEADS, TOKENS + 2, TOKENS + 2)],
}
"""Shapes of the layers of each kind, without the batch."""

BUILT: dict[tuple[str, int], nn.Module] = {}
MASKED = ("tokens", "token layers", "token logits", "scores", "queries")


def noise(*shape, seed=0):
    """Normal numbers that follow from shape and seed."""
    return torch.randn(shape, generator=generator(seed, "sweep"), dtype=torch.float64)


LABELLED = {
    "labels": LABELS,
    "boxes": BOXES,
    "token labels": torch.where(MASK == 1, LABELS[:, None], UNLABELLED),
    "value labels": noise(BATCH, CLASSES, seed=30),
    "label sets": (noise(BATCH, CLASSES, seed=31) > 0).double(),
    "pixel labels": torch.where(noise(BATCH, 3, 4, seed=32) > -1, LABELS[:, None, None], UNLABELLED),
}
"""Targets of the kinds of inputs that follow labels."""


@dataclass(frozen=True)
class Inputs:
    """What a distance is called with; kinds of one layer are given as tensors.

    Attributes:
        student, teacher: layers of both sides; no teacher where labels are followed.
        target: labels.
        context: everything else.
    """

    student: list
    teacher: list | None
    target: Tensor
    context: dict

    def measured(self, piece):
        """The loss."""
        return piece(_one(self.student), _one(self.teacher), self.target, context=self.context)

    def each(self, change):
        """Every tensor of both sides and of the context changed; classifiers are left as they are."""
        sides = [None if side is None else [change(one) for one in side] for side in (self.student, self.teacher)]
        context = {name: change(one) if isinstance(one, Tensor) else one for name, one in self.context.items()}
        return Inputs(*sides, self.target, context)

    def to(self, dtype):
        """In another precision, classifiers, too."""
        moved = self.each(lambda tensor: tensor.to(dtype) if tensor.is_floating_point() else tensor)
        heads = {name: copy.deepcopy(one).to(dtype) for name, one in self.context.items() if isinstance(one, nn.Module)}
        return replace(moved, context={**moved.context, **heads})

    def at(self, places):
        """The samples at ``places``."""
        return replace(self.each(lambda tensor: tensor[places]), target=self.target[places])

    def equal(self):
        """A student that says what it follows."""
        if self.teacher is None and self.target.ndim == 3 and self.target.shape[-1] == BOX:
            return self  # no outputs of a detector cost nothing
        if self.teacher is None and self.target.is_floating_point():
            sets = bool(((self.target == 0) | (self.target == 1)).all())
            return replace(self, student=[60 * (2 * self.target - 1) if sets else self.target.clone()])
        if self.teacher is None:
            sure = nn.functional.one_hot(self.target.clamp(min=0), CLASSES).to(self.student[0])
            return replace(self, student=[60 * (sure.movedim(-1, 1) if self.target.ndim == 3 else sure)])
        context = dict(self.context)
        context |= {f"student_{n}": context[f"teacher_{n}"] for n in ("logits", "head") if f"teacher_{n}" in context}
        return replace(self, student=[one.clone() for one in self.teacher], context=context)

    def shuffled(self):
        """The teacher's batch in another order, or the labels."""
        places = torch.arange(len(self.target)).roll(2)
        if self.teacher is None:
            return replace(self, target=self.target[places])
        context = {name: one[places] if name == "teacher_logits" else one for name, one in self.context.items()}
        return replace(self, teacher=[one[places] for one in self.teacher], context=context)

    def asking(self):
        """The same, where every tensor asks for a gradient, the teacher's among them."""
        return self.each(lambda tensor: tensor.detach().clone().requires_grad_(tensor.is_floating_point()))


def _one(side):
    return side[0] if side is not None and len(side) == 1 else side


@dataclass(frozen=True)
class Case:
    """A distance with options, on one kind of inputs."""

    name: str
    options: dict
    kind: str

    @property
    def row(self) -> Row:
        """What is known of the distance."""
        return ROWS[self.name]

    @property
    def remembers(self) -> bool:
        """Whether ``advance`` moves something."""
        return self.row.remembers or "queue" in self.options or "moving" in self.options

    @property
    def stateful(self) -> bool:
        """Whether there is something to save."""
        piece = self.fresh()
        return self.remembers or any(True for _ in (*piece.parameters(), *piece.buffers()))

    @property
    def paired(self) -> bool:
        """Whether samples are compared one by one, or within what only labels tell."""
        return self.row.paired or self.options.get("given") in ("class", "label")

    def excuse(self, claim):
        """Why the distance does not keep ``claim``; nothing where it does."""
        said = self.row.but.get(claim, "")
        return said(self.options) if callable(said) else said

    def fresh(self, dtype=torch.float64, *, sized=True, seed=0):
        """The distance, built for the inputs of its kind with initial weights that follow from ``seed``."""
        if not sized:
            return distance(self.name, **self.options).to(dtype)
        key = str(self), seed
        if key not in BUILT:  # to set torch's streams takes longer than most distances
            with seeded(seed, self.name):
                BUILT[key] = distance(self.name, **self.options)
                BUILT[key].size(*[(BATCH, *SHAPES[self.kind][0])] * 2, SAMPLES)
        return copy.deepcopy(BUILT[key]).to(dtype)

    def inputs(self, dtype=torch.float64, *, wider=0):
        """Two sides that have nothing to do with each other; ``wider``: channels that the teacher has more."""
        shapes, place = SHAPES[self.kind], _channels(self.kind)
        wide = [_wider(shape, place, wider) for shape in shapes]
        student = [noise(BATCH, *shape, seed=i) for i, shape in enumerate(shapes)]
        teacher = [noise(BATCH, *shape, seed=10 + i) for i, shape in enumerate(wide)]
        if self.options.get("given") == "probabilities":
            student, teacher = ([one.softmax(-1) for one in side] for side in (student, teacher))
        widths = {"student": shapes[0][place], "teacher": wide[0][place]}
        followed = None if self.kind in LABELLED else teacher
        target = LABELLED.get(self.kind, BOXES if self.kind == "maps with boxes" else LABELS)
        return Inputs(student, followed, target, self._context(widths)).to(dtype)

    def _context(self, widths):
        context = {"index": torch.arange(BATCH), "epoch": 1.5, "step": 3}
        for seed, (who, width) in enumerate(widths.items(), start=20):
            if self.options.get("given") == "logits":
                context[f"{who}_logits"] = noise(BATCH, CLASSES, seed=seed)
            if f"{who}_head" in DISTANCES[self.name].needs:
                context[f"{who}_head"] = head(width, seed)
            if f"{who}_network" in DISTANCES[self.name].needs:
                context[f"{who}_network"] = detector()
        return {**context, "mask": MASK} if self.kind in MASKED else context

    def __str__(self):
        return " ".join([self.name, *(f"{name}={value}" for name, value in self.options.items()), f"on {self.kind}"])


def head(width, seed):
    """A classifier that follows from width and seed."""
    linear = nn.Linear(width, CLASSES).double()
    linear.load_state_dict({name: noise(*one.shape, seed=seed) / 2 for name, one in linear.state_dict().items()})
    return linear


@cache
def detector():
    """A small detector of as many anchors and classes as the kinds ``boxes`` and ``detections`` have."""
    found = build("detection/fcos-tiny", CLASSES, width=0.02).double().eval()
    found(noise(1, 3, *PICTURE))
    return found


def _channels(kind):
    return -1 if "token" in kind or kind in ("vectors", "queries") else 0


def _wider(shape, place, by):
    sizes = list(shape)
    sizes[place] += by
    return tuple(sizes)


def choices(name) -> Iterator[dict]:
    """The default, each other choice among the options, and each kind of temperature."""
    yield {}
    for option, schema in DISTANCES[name].options.model_json_schema()["properties"].items():
        said = schema.get("enum", [True, False] if schema.get("type") == "boolean" else [])
        moving = [{"from": 4, "to": 1, "over": 10}, "learned"] if "learned" in str(schema) else []
        for value in [*said, *moving]:
            if value != schema.get("default") and option != "conditional" and _legal(name, {option: value}):
                yield {option: value}


def _legal(name, options):
    try:
        piece_options("distance", name, options)
    except BadPiece:
        return False
    return True


@cache
def cases(name) -> list[Case]:
    """Every form of a distance on its first kind of inputs, and the default one on the others."""
    row = ROWS[name]
    forms = [Case(name, dict(options), row.kinds[0]) for options in (*choices(name), *row.also)]
    return forms + [Case(name, {}, kind) for kind in row.kinds[1:]]
