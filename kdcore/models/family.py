"""A family of networks as data: its options, its names, how one is built and what the catalogue traces."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import nn

from kdcore.spec.catalogue_inputs import Given
from kdcore.spec.catalogue_options import Schema, checked_options
from kdcore.spec.tasks import InputKind, TaskName

IN_CHANNELS = {
    "type": "integer",
    "default": 3,
    "minimum": 1,
    "maximum": 1024,
    "description": "channels of the input; follows the dataset when left out",
}
WIDTH = {
    "type": "number",
    "default": 1.0,
    "exclusiveMinimum": 0,
    "maximum": 16,
    "description": "multiplier of every layer's channels: max(1, round(channels * width))",
}


def image_size(default: int, multiple: int, minimum: int) -> dict[str, Any]:
    """The option of networks whose weights depend on the size of the picture."""
    return {
        "type": "integer",
        "default": default,
        "minimum": minimum,
        "maximum": 1024,
        "multipleOf": multiple,
        "description": "height and width of the input; follows the dataset when left out",
    }


def follows(default: int, what: str, maximum: int) -> dict[str, Any]:
    """An option of networks whose weights depend on ``what`` the input is."""
    return {
        "type": "integer",
        "default": default,
        "minimum": 1,
        "maximum": maximum,
        "description": f"{what}; follows the dataset when left out",
    }


@dataclass(frozen=True)
class Prototype:
    """A network that the catalogue traces; with ``depth`` it stands for every depth ``times * blocks + plus``.

    Attributes:
        name: name in the catalogue; ``*`` is the depth.
        build_name: the concrete network to trace; with ``depth`` one of two blocks a stage.
        when: the options that change its modules.
        sizes: limits of the input's size beside those of the family.
    """

    name: str
    build_name: str
    depth: dict[str, int] | None = None
    when: dict[str, Any] = field(default_factory=dict)
    sizes: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Family:
    """Networks that are built by one function.

    Attributes:
        names: those that lists show.
        owns: whether a name belongs to the family.
        build: called with name, number of classes and every option.
        reference: classes and input shape at which lists give parameters and multiply-accumulates.
        sizes: limits of the input's size beyond a smallest one: ``square``, ``multiple`` of, ``exactly``.
        pattern: sentence on further names.
        input: kind of input that they take. Families of token ids have an option ``vocabulary``; those that read a
            source and write an answer an option ``source_length``, too.
        tasks: what they can be trained for; networks for ``generation`` put out as many numbers as the vocabulary has.
        vocabulary, source_length: of the reference, for token ids.
    """

    name: str
    description: str
    options: Schema
    names: tuple[str, ...]
    owns: Callable[[str], bool]
    build: Callable[..., nn.Module]
    prototypes: tuple[Prototype, ...]
    reference: tuple[int, tuple[int, ...]] = (10, (3, 32, 32))
    sizes: Mapping[str, int] = field(default_factory=dict)
    pattern: str = ""
    input: InputKind = "image"
    tasks: tuple[TaskName, ...] = ("classification", "multilabel", "regression")
    vocabulary: int | None = None
    source_length: int | None = None

    def made(self, name: str, num_classes: int, **options: Any) -> nn.Module:
        """The network ``name`` with ``options``, and the defaults of all others.

        Raises:
            BadOption: an unknown option or a value that it cannot have.
        """
        return self.build(name, num_classes, **checked_options(name, self.options, options))

    @property
    def given(self) -> Given:
        """The input of the reference."""
        return Given.of(self.reference[1], self.vocabulary, self.source_length)
