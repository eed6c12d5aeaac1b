"""Families of text generators: GPT-2's, BART's and T5's structure at any size."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from torch import nn

from kdcore.models.bart import Bart
from kdcore.models.family import Family, Prototype, follows
from kdcore.models.gpt import GPT
from kdcore.models.t5 import T5
from kdcore.models.texts import BUILDING, LONGEST, MOST_TOKENS, READING, special
from kdcore.spec.catalogue_options import Schema

MAX_DEPTH = 48
VOCABULARY = 8192
DEPTHS = (1, 2, 3, 4, 6, 8, 12)
SOURCE = follows(64, "tokens of an example that are its source", LONGEST)

COMMON: Schema = {
    "vocabulary": follows(VOCABULARY, "how many token ids there are", MOST_TOKENS),
    "length": READING["length"],
    "hidden": BUILDING["hidden"],
    "heads": BUILDING["heads"],
    "intermediate": BUILDING["intermediate"],
    "padding": READING["padding"],
}
"""Options that every generator has."""

T5_OPTIONS: Schema = {
    "attention_width": {
        "type": "integer",
        "minimum": 1,
        "maximum": 32_768,
        "description": "channels of queries, keys and values, a multiple of heads; hidden when left out",
    },
    "gated": {"type": "boolean", "default": False, "description": "gated perceptrons, as in T5 1.1"},
    "tied": {
        "type": "boolean",
        "default": True,
        "description": "the head is the embedding, as in T5 1.0; else a layer of its own, as in T5 1.1",
    },
    "buckets": {
        "type": "integer",
        "default": 32,
        "minimum": 4,
        "maximum": 4096,
        "multipleOf": 2,
        "description": "of relative positions",
    },
    "farthest": {
        "type": "integer",
        "default": 128,
        "minimum": 2,
        "maximum": LONGEST,
        "description": "distance from which on all positions share a bucket; more than buckets / 2",
    },
}

Made = Callable[..., nn.Module]


def _gpt(layers: int, *, vocabulary: int, length: int, hidden: int, heads: int, **options: Any) -> nn.Module:
    positions = options.pop("max_length") or length
    return GPT(vocabulary, layers, hidden, heads, positions, **options)


def _bart(layers: int, *, vocabulary: int, length: int, hidden: int, heads: int, **options: Any) -> nn.Module:
    positions = options.pop("max_length") or length
    return Bart(vocabulary, layers, hidden, heads, positions, **options)


def _t5(layers: int, *, vocabulary: int, length: int, hidden: int, heads: int, **options: Any) -> nn.Module:
    width = options.pop("attention_width") or hidden
    if width % heads:
        raise ValueError(f"{heads} heads do not share attention_width={width} evenly")
    return T5(vocabulary, layers, hidden, heads, head_width=width // heads, **options)


def _family(name: str, description: str, make: Made, options: Schema, source: int | None, whens: Any) -> Family:
    pattern = rf"{name}-([1-9][0-9]?)"

    def owns(asked: str) -> bool:
        found = re.fullmatch(pattern, asked)
        return found is not None and int(found[1]) <= MAX_DEPTH

    def build(asked: str, num_classes: int, **given: Any) -> nn.Module:
        return make(int(asked.partition("-")[2]), **given)

    depth = {"times": 1, "plus": 0, "max": MAX_DEPTH}
    return Family(
        name=name,
        description=description,
        options=options,
        names=tuple(f"{name}-{layers}" for layers in DEPTHS),
        owns=owns,
        build=build,
        prototypes=tuple(Prototype(f"{name}-*", f"{name}-2", depth, when) for when in whens),
        pattern=f"{name}-<depth> for any depth up to {MAX_DEPTH}",
        reference=(VOCABULARY, (128,)),
        input="tokens",
        tasks=("generation",),
        vocabulary=VOCABULARY,
        source_length=source,
    )


FAMILIES = (
    _family(
        "gpt",
        "Language model {name}: pre-norm decoder blocks, 256 channels, 4 heads (Radford et al. 2019)",
        _gpt,
        {
            **COMMON,
            "padding": special("that fills up sources and short sequences"),
            "max_length": READING["max_length"],
            "source_length": {**SOURCE, "default": 0, "minimum": 0},
        },
        None,
        [{}],
    ),
    _family(
        "bart",
        "Encoder-decoder {name}: post-norm blocks on each side, 256 channels, 4 heads (Lewis et al. 2020)",
        _bart,
        {
            **COMMON,
            "max_length": {**READING["max_length"], "description": "positions of each side that have a vector"},
            "source_length": SOURCE,
            "scaled": {
                "type": "boolean",
                "default": False,
                "description": "multiply tokens' vectors by the root of hidden",
            },
        },
        64,
        [{}],
    ),
    _family(
        "t5",
        "Encoder-decoder {name}: pre-norm blocks on each side, relative positions, 256 channels (Raffel et al. 2020)",
        _t5,
        {**COMMON, "source_length": SOURCE, **T5_OPTIONS},
        64,
        [{"gated": gated, "tied": tied} for gated in (False, True) for tied in (True, False)],
    ),
)
