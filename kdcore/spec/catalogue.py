"""What every architecture is made of, known without torch: layers, shapes, parameters and multiply-accumulates.

The facts come from ``catalogues/*.json``, which ``python -m kdcore.models.catalogue`` writes by tracing the real
networks. A network is stored once as a tree of shared nodes whose sizes are expressions (see
`kdcore.spec.catalogue_sizes`), so that counts are exact at any width, class count, input channels and input size.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from kdcore.spec.catalogue_checks import check_input, completed, decided_options, fitting_names, given_input
from kdcore.spec.catalogue_errors import InputTooSmall, WrongInput, WrongTask
from kdcore.spec.catalogue_inputs import Given
from kdcore.spec.catalogue_options import BadOption, checked_options
from kdcore.spec.catalogue_records import (
    Record,
    UnknownArchitecture,
    families,
    family_record,
    nearest,
    network_record,
)
from kdcore.spec.catalogue_tree import LayerInfo, Shape, Tree
from kdcore.spec.tasks import InputKind, TaskName, task_info

__all__ = [
    "ArchitectureInfo",
    "BadOption",
    "Description",
    "InputTooSmall",
    "LayerInfo",
    "UnknownArchitecture",
    "WrongInput",
    "WrongTask",
    "architecture_info",
    "architectures",
    "check_task",
    "describe",
    "following_options",
    "nearest",
]


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
        black_box: what it is, where nothing but its outputs can be looked at.
        output: shape of what the network puts out, without the batch; empty where only the engine can know.
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
    black_box: str | None = None
    output: Shape = ()


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
        min_input: smallest height and width, or smallest length, that it takes.
        pattern: which further names the family has, or an empty text.
        input: kind of input that it takes.
        tasks: what it can be trained for.
        reference_vocabulary: of token ids, the vocabulary of its reference.
        reference_source_length: of an encoder-decoder, how much of its reference input is the source.
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
    input: InputKind = "image"
    tasks: tuple[TaskName, ...] = ("classification", "multilabel", "regression")
    reference_vocabulary: int | None = None
    reference_source_length: int | None = None


def architectures() -> list[ArchitectureInfo]:
    """Every listed architecture; families with a pattern have further names, see ``pattern``."""
    return [_info(name, family) for family in families() for name in family["names"]]


def architecture_info(name: str) -> ArchitectureInfo:
    """One architecture, listed or named by a family's pattern.

    Raises:
        UnknownArchitecture: with the nearest names.
    """
    return _info(name, family_record(network_record(name)[0]["family"]))


def check_task(architecture: str, task: TaskName) -> None:
    """Nothing when the architecture can be trained for ``task``.

    Raises:
        UnknownArchitecture: with the nearest names.
        WrongTask: with names that can.
    """
    family = family_record(network_record(architecture)[0]["family"])
    if task not in family["tasks"]:
        kinds = [family["input"], *task_info(task).inputs]
        found = [fitting_names(kind, task) for kind in dict.fromkeys(kinds)]
        raise WrongTask(architecture, tuple(family["tasks"]), task, next(filter(None, found), []))


def describe(
    architecture: str,
    *,
    num_classes: int,
    input_shape: Shape,
    vocabulary: int | None = None,
    source_length: int | None = None,
    special: Mapping[str, int] | None = None,
    **options: Any,
) -> Description:
    """Layers, shapes and counts of an architecture.

    Args:
        architecture: such as ``resnet20`` or ``torchvision/mobilenet_v3_small``.
        num_classes: outputs of its last layer.
        input_shape: of one sample: pictures (channels, height, width), series (channels, length), rows of a table
            (features,), token ids (length,).
        vocabulary: how many token ids there are; only for token ids.
        source_length: how many of them an encoder-decoder reads as its source.
        special: ids of the dataset's special tokens by name, such as ``padding``.
        options: as in ``ArchitectureInfo.options``; those that follow the input, or have no default, may be left out.

    Raises:
        UnknownArchitecture: with the nearest names.
        WrongInput: a network for another kind of input.
        BadOption: an option that it does not take, or a value or an input size that it cannot have.
        InputTooSmall: inputs below the smallest size.
    """
    family = family_record(network_record(architecture)[0]["family"])
    schema = family["options"]
    given = given_input(input_shape, vocabulary, source_length if "source_length" in schema else None, special)
    if family["input"] != given.kind:
        raise WrongInput(architecture, family["input"], given.kind, fitting_names(given.kind))
    asked = completed(checked_options(architecture, schema, options), given)
    check_input(architecture, network_record(architecture, asked)[0], given)
    if num_classes < 1:
        raise BadOption("num_classes", num_classes, "must be at least 1")
    checked = {**asked, **decided_options(architecture, schema, given, options)}
    return _described(architecture, num_classes, given, tuple(checked.items()))


def following_options(
    architecture: str,
    input_shape: Shape,
    vocabulary: int | None = None,
    source_length: int | None = None,
    special: Mapping[str, int] | None = None,
) -> dict[str, Any]:
    """The options of an architecture that its input decides, such as ``in_channels``, with their values.

    Raises:
        UnknownArchitecture: with the nearest names.
    """
    schema = family_record(network_record(architecture)[0]["family"])["options"]
    decided = given_input(input_shape, vocabulary, source_length, special).options()
    return {option: value for option, value in decided.items() if option in schema}


@lru_cache(maxsize=256)
def _described(name: str, classes: int, given: Given, options: tuple[tuple[str, Any], ...]) -> Description:
    chosen = dict(options)
    network, repeats = network_record(name, chosen)
    tree = Tree(network, repeats, given.sizes(classes, chosen))
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
        output=tree.output(),
    )


def _info(name: str, family: Record) -> ArchitectureInfo:
    reference = family["reference"]
    classes, shape = reference["num_classes"], tuple(reference["input_shape"])
    tokens = {key: reference[key] for key in ("vocabulary", "source_length") if key in reference}
    if name in family["names"]:
        parameters, macs = family["names"][name]
    else:
        described = describe(name, num_classes=classes, input_shape=shape, **tokens)
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
        input=family["input"],
        tasks=tuple(family["tasks"]),
        reference_vocabulary=tokens.get("vocabulary"),
        reference_source_length=tokens.get("source_length"),
    )
