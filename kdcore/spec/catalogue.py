"""What every architecture is made of, known without torch: layers, shapes, parameters and multiply-accumulates.

The facts come from ``catalogue.json``, which ``python -m kdcore.models.catalogue`` writes by tracing the real networks.
A network is stored once as a tree of shared nodes whose sizes are expressions (see `kdcore.spec.catalogue_sizes`), so
that counts are exact at any width, class count, input channels and input size.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from kdcore.spec.catalogue_options import BadOption, checked_options
from kdcore.spec.catalogue_records import (
    Record,
    UnknownArchitecture,
    families,
    family_record,
    nearest,
    network_record,
)
from kdcore.spec.catalogue_sizes import Sizes, default_patch
from kdcore.spec.catalogue_tree import LayerInfo, Shape, Tree

__all__ = [
    "ArchitectureInfo",
    "BadOption",
    "Description",
    "InputTooSmall",
    "LayerInfo",
    "UnknownArchitecture",
    "architecture_info",
    "architectures",
    "describe",
    "nearest",
]


class InputTooSmall(ValueError):
    """The dataset's pictures are smaller than the network's poolings can take."""

    def __init__(self, name: str, size: tuple[int, int], minimum: int) -> None:
        self.name, self.size, self.minimum = name, size, minimum
        super().__init__(
            f"{name} needs pictures of at least {minimum}x{minimum} (got {size[0]}x{size[1]}); "
            "resize the dataset or choose a smaller network"
        )


@dataclass(frozen=True)
class Description:
    """An architecture at given options, classes and input.

    Attributes:
        architecture: its name.
        parameters: trainable numbers.
        macs: multiply-accumulates of convolutions, linear layers and attention products for one sample.
        layers: every module path that a hook can capture, parents before children.
        features: block-level paths from input to output, for layer matching.
        classifier: path of the layer that makes the logits; its input is the penultimate feature.
        middle: path of the default hint and guided layer.
        exact: whether ``macs`` is exact; parameters and shapes always are.
        aliases: further names of points that are in every block, such as ``queries``, and those points.
    """

    architecture: str
    parameters: int
    macs: int
    layers: tuple[LayerInfo, ...]
    features: tuple[str, ...]
    classifier: str
    middle: str
    exact: bool
    aliases: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class ArchitectureInfo:
    """An architecture as a list of them shows it.

    Attributes:
        name: what a spec says.
        family: what it belongs to.
        description: one sentence.
        parameters: at ``reference_classes``, ``reference_input`` and default options.
        macs: likewise.
        options: JSON schema of each option, by name.
        min_input: smallest height and width that it takes.
        pattern: which further names the family has, or an empty text.
    """

    name: str
    family: str
    description: str
    parameters: int
    macs: int
    options: Mapping[str, Mapping[str, Any]]
    min_input: int
    reference_classes: int
    reference_input: Shape
    pattern: str = ""


def architectures() -> list[ArchitectureInfo]:
    """Every listed architecture; families with a pattern have further names, see ``pattern``."""
    return [_info(name, family) for family in families() for name in family["names"]]


def architecture_info(name: str) -> ArchitectureInfo:
    """One architecture, listed or named by a family's pattern.

    Raises:
        UnknownArchitecture: with the nearest names.
    """
    return _info(name, family_record(network_record(name)[0]["family"]))


def describe(architecture: str, *, num_classes: int, input_shape: tuple[int, int, int], **options: Any) -> Description:
    """Layers, shapes and counts of an architecture.

    Args:
        architecture: such as ``resnet20`` or ``torchvision/mobilenet_v3_small``.
        num_classes: outputs of the classifier.
        input_shape: channels, height and width of one sample.
        options: as in ``ArchitectureInfo.options``; ``in_channels``, ``image_size`` and ``patch`` follow the input when
            left out.

    Raises:
        UnknownArchitecture: with the nearest names.
        BadOption: an option that it does not take, or a value or an input size that it cannot have.
        InputTooSmall: pictures below the smallest size.
    """
    schema = family_record(network_record(architecture)[0]["family"])["options"]
    asked = checked_options(architecture, schema, options)
    if "patch" in schema and asked["patch"] is None:
        asked = options = {**options, "patch": _patch(input_shape)}
    _check_input(architecture, network_record(architecture, asked)[0], input_shape)
    if num_classes < 1:
        raise BadOption("num_classes", num_classes, "must be at least 1")
    given = {**options, **_follow_input(schema, input_shape, options)}
    checked = checked_options(architecture, schema, given)
    return _described(architecture, num_classes, tuple(input_shape), tuple(checked.items()))


@lru_cache(maxsize=256)
def _described(name: str, classes: int, input_shape: Shape, options: tuple[tuple[str, Any], ...]) -> Description:
    chosen = dict(options)
    network, repeats = network_record(name, chosen)
    channels, height, width = input_shape
    multiplier, heads = float(chosen.get("width", 1.0)), chosen.get("heads", 1)
    tree = Tree(network, repeats, Sizes(height, width, classes, channels, multiplier, heads))
    parameters, macs, exact = tree.counts()
    return Description(
        architecture=name,
        parameters=parameters,
        macs=macs,
        layers=tree.layers(),
        features=tree.features(),
        classifier=network["classifier"],
        middle=tree.middle(),
        exact=exact,
        aliases=tree.aliases(),
    )


def _patch(input_shape: Shape) -> int:
    try:
        return default_patch(input_shape[1])
    except ValueError as error:
        raise BadOption("architecture", input_shape[1], f"{error}; resize the dataset") from None


def _follow_input(options: Record, input_shape: Shape, given: Record) -> dict[str, int]:
    """Options that the input decides; one that was given and says otherwise is an error."""
    decided = {"in_channels": input_shape[0], "image_size": input_shape[1]}
    for option, value in decided.items():
        if option in given and option in options and given[option] != value:
            raise BadOption(option, given[option], f"must be {value}, as the dataset has it; leave it out")
    return {option: value for option, value in decided.items() if option in options}


def _check_input(name: str, network: Record, input_shape: Shape) -> None:
    _, height, width = input_shape
    rule = network["input"]
    if min(height, width) < rule["min"]:
        raise InputTooSmall(name, (height, width), rule["min"])
    got = f"(got {height}x{width}); resize the dataset"
    if "square" in rule and height != width:
        raise BadOption("architecture", name, f"takes square pictures only {got}")
    if height % rule.get("multiple", 1) or width % rule.get("multiple", 1):
        raise BadOption("architecture", name, f"takes sizes that are multiples of {rule['multiple']} {got}")
    if "exactly" in rule and height != rule["exactly"]:
        raise BadOption("architecture", name, f"takes pictures of {rule['exactly']}x{rule['exactly']} only {got}")


def _info(name: str, family: Record) -> ArchitectureInfo:
    reference = family["reference"]
    classes, shape = reference["num_classes"], tuple(reference["input_shape"])
    if name in family["names"]:
        parameters, macs = family["names"][name]
    else:
        described = describe(name, num_classes=classes, input_shape=shape)
        parameters, macs = described.parameters, described.macs
    return ArchitectureInfo(
        name=name,
        family=family["family"],
        description=family["description"].replace("{name}", name.rpartition("/")[2]),
        parameters=parameters,
        macs=macs,
        options=family["options"],
        min_input=network_record(name)[0]["input"]["min"],
        reference_classes=classes,
        reference_input=shape,
        pattern=family.get("pattern", ""),
    )
