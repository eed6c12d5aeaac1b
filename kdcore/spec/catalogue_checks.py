"""Whether an architecture can be given an input: its kind and size, and the options that follow from them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kdcore.spec.catalogue_errors import InputTooSmall
from kdcore.spec.catalogue_inputs import Given
from kdcore.spec.catalogue_options import BadOption
from kdcore.spec.catalogue_records import Record, families
from kdcore.spec.catalogue_sizes import default_patch, default_span
from kdcore.spec.catalogue_tree import Shape
from kdcore.spec.tasks import InputKind, TaskName


def given_input(
    input_shape: Shape, vocabulary: int | None, source_length: int | None, special: Mapping[str, int] | None = None
) -> Given:
    """The input of this shape.

    Raises:
        BadOption: no kind of input has such a shape.
    """
    try:
        return Given.of(tuple(input_shape), vocabulary, source_length, special)
    except ValueError as error:
        raise BadOption("input_shape", tuple(input_shape), str(error)) from None


def fitting_names(kind: InputKind, task: TaskName | None = None, count: int = 4) -> list[str]:
    """The first name of each of some families that take ``kind``, and answer ``task`` if one is named."""
    fitting = [
        next(iter(family["names"]))
        for family in families()
        if family["input"] == kind and family["names"] and (task is None or task in family["tasks"])
    ]
    return fitting[:count]


def completed(options: Record, given: Given) -> dict[str, Any]:
    """``options`` with those that were left out and follow from others or from the input.

    Raises:
        BadOption: no patch divides the picture, heads that do not share the hidden channels evenly, or fewer positions
            than tokens.
    """
    found = dict(options)
    if "patch" in found and found["patch"] is None:
        found["patch"] = patch_of(given)
    if "hidden" in found:
        hidden, heads = found["hidden"], found["heads"]
        shared = found.get("attention_width") or hidden
        if shared % heads:
            what = "hidden channels" if shared == hidden else "channels of queries"
            raise BadOption("heads", heads, f"must divide the {shared} {what}")
        if "attention_width" in found:
            found["attention_width"] = shared
        found["intermediate"] = found["intermediate"] or 4 * hidden
    if "max_length" in found:
        length = given.shape[0]
        found["max_length"] = found["max_length"] or length
        if found["max_length"] < length:
            raise BadOption("max_length", found["max_length"], f"must be at least {length}, the dataset's tokens")
    return found


def patch_of(given: Given) -> int:
    """The patch of a picture, or the span of a series, that a transformer takes when none is asked for.

    Raises:
        BadOption: no patch divides the picture.
    """
    side = given.shape[1]
    if given.kind == "series":
        return default_span(side)
    try:
        return default_patch(side)
    except ValueError as error:
        raise BadOption("architecture", side, f"{error}; resize the dataset") from None


def decided_options(name: str, options: Record, given: Given, asked: Record) -> dict[str, Any]:
    """Those of ``options`` that the input decides.

    Raises:
        BadOption: one was asked for and says otherwise, or the input has no source where the network reads one.
    """
    decided = given.options()
    for option, value in decided.items():
        if option in asked and option in options and asked[option] != value:
            raise BadOption(option, asked[option], f"must be {value}, as the dataset has it; leave it out")
    if options.get("source_length", {}).get("default") and "source_length" not in decided:
        raise BadOption("architecture", name, "reads a source and writes an answer; the dataset has no source")
    return {option: value for option, value in decided.items() if option in options}


def check_input(name: str, network: Record, given: Given) -> None:
    """Nothing when the network's poolings and patches can take the input's size.

    Raises:
        InputTooSmall: below the smallest size.
        BadOption: a picture that is not square, or of a size between those that the network takes.
    """
    rule = network["input"]
    sizes = given.sizes(1)
    smallest = min(sizes.height, sizes.width) if given.kind == "image" else sizes.height
    if smallest < rule["min"]:
        raise InputTooSmall(name, given, rule["min"])
    if given.kind == "image":
        _check_picture(name, rule, sizes.height, sizes.width)


def _check_picture(name: str, rule: Record, height: int, width: int) -> None:
    got = f"(got {height}x{width}); resize the dataset"
    if "square" in rule and height != width:
        raise BadOption("architecture", name, f"takes square pictures only {got}")
    if height % rule.get("multiple", 1) or width % rule.get("multiple", 1):
        raise BadOption("architecture", name, f"takes sizes that are multiples of {rule['multiple']} {got}")
    if "exactly" in rule and height != rule["exactly"]:
        raise BadOption("architecture", name, f"takes pictures of {rule['exactly']}x{rule['exactly']} only {got}")
