"""Families of text encoders: BERT's structure at any size, and the sizes that have names."""

from __future__ import annotations

import re
from typing import Any

from torch import nn

from kdcore.models.encoder import NORM_EPS, Encoder
from kdcore.models.family import Family, Prototype, follows
from kdcore.spec.catalogue_options import Schema

MAX_DEPTH = 48
MOST_TOKENS = 1_000_000
LONGEST = 16_384
_BERT = r"bert-([1-9][0-9]?)"
SEGMENTS = (0, 1, 2)

REFERENCE: dict[str, Any] = {"reference": (2, (128,)), "vocabulary": 30_522, "input": "tokens"}
"""Classes, length and vocabulary of BERT's English weights on sentences of GLUE."""


def special(what: str) -> dict[str, Any]:
    """An option for the id of a special token."""
    return {
        "type": "integer",
        "minimum": 0,
        "maximum": MOST_TOKENS,
        "description": f"id of the token {what}; follows the dataset when left out",
    }


READING: Schema = {
    "vocabulary": follows(REFERENCE["vocabulary"], "how many token ids there are", MOST_TOKENS),
    "length": follows(128, "tokens of an example", LONGEST),
    "max_length": {
        "type": "integer",
        "minimum": 1,
        "maximum": LONGEST,
        "description": "positions that have a vector; as many as the dataset's examples have tokens when left out",
    },
    "padding": {**special("that fills up short sequences"), "default": 0},
    "separator": special("that ends a segment; without it, all tokens are of one segment"),
    "dropout": {
        "type": "number",
        "default": 0.1,
        "minimum": 0,
        "maximum": 0.9,
        "description": "share of attention weights and hidden values that training sets to zero",
    },
}
"""Options that every encoder has."""

BUILDING: Schema = {
    "hidden": {
        "type": "integer",
        "default": 192,
        "minimum": 1,
        "maximum": 8192,
        "description": "channels of the hidden states, a multiple of heads",
    },
    "heads": {
        "type": "integer",
        "default": 3,
        "minimum": 1,
        "maximum": 128,
        "description": "attention heads of each block",
    },
    "intermediate": {
        "type": "integer",
        "minimum": 1,
        "maximum": 32_768,
        "description": "channels within each block's perceptron; 4 * hidden when left out",
    },
    "segments": {
        "type": "integer",
        "default": 2,
        "enum": list(SEGMENTS),
        "description": "segments that have a vector: 2 as in BERT, 1 as in RoBERTa, 0 as in DistilBERT",
    },
    "pooling": {
        "type": "string",
        "default": "tanh",
        "enum": ["tanh", "relu"],
        "description": "activation on the first token's state before the classifier; relu as in DistilBERT",
    },
    "approximate": {
        "type": "string",
        "default": "none",
        "enum": ["none", "tanh"],
        "description": "how the perceptrons' GELU is computed",
    },
    "norm_eps": {
        "type": "number",
        "default": NORM_EPS,
        "exclusiveMinimum": 0,
        "maximum": 0.01,
        "description": "added to the variance in layer norms; 1e-5 in RoBERTa",
    },
}
"""Options of the family of any size."""

NAMED: dict[str, tuple[int, dict[str, Any]]] = {
    "bert-tiny": (2, {"hidden": 128, "heads": 2}),
    "bert-mini": (4, {"hidden": 256, "heads": 4}),
    "bert-small": (4, {"hidden": 512, "heads": 8}),
    "bert-medium": (8, {"hidden": 512, "heads": 8}),
    "bert-base": (12, {"hidden": 768, "heads": 12}),
    "tinybert-4": (4, {"hidden": 312, "heads": 12, "intermediate": 1200}),
    "tinybert-6": (6, {"hidden": 768, "heads": 12}),
    "minilm-6": (6, {"hidden": 384, "heads": 12}),
    "minilm-12": (12, {"hidden": 384, "heads": 12}),
    "distilbert": (6, {"hidden": 768, "heads": 12, "segments": 0, "pooling": "relu"}),
}
"""Depth and options of published sizes: Turc et al. 2019 (bert-tiny to bert-medium) and the papers of the names."""


def _encoder(
    layers: int, num_classes: int, *, hidden: int, length: int, max_length: int | None, **options: Any
) -> nn.Module:
    vocabulary, heads = options.pop("vocabulary"), options.pop("heads")
    return Encoder(vocabulary, layers, hidden, heads, max_length or length, num_classes, **options)


def _owns(name: str) -> bool:
    found = re.fullmatch(_BERT, name)
    return found is not None and int(found[1]) <= MAX_DEPTH


def _build(name: str, num_classes: int, **options: Any) -> nn.Module:
    return _encoder(int(name.partition("-")[2]), num_classes, **options)


def _build_named(name: str, num_classes: int, **options: Any) -> nn.Module:
    layers, fixed = NAMED[name]
    return _encoder(layers, num_classes, **{"segments": 2, **fixed, **options})


FAMILIES = (
    Family(
        name="bert",
        description="Text encoder {name}: post-norm blocks, 192 channels, 3 heads (Devlin et al. 2019)",
        options={**READING, **BUILDING},
        names=("bert-2", "bert-3", "bert-4", "bert-6", "bert-8", "bert-12"),
        owns=_owns,
        build=_build,
        prototypes=tuple(
            Prototype("bert-*", "bert-2", {"times": 1, "plus": 0, "max": MAX_DEPTH}, {"segments": segments})
            for segments in SEGMENTS
        ),
        pattern=f"bert-<depth> for any depth up to {MAX_DEPTH}",
        **REFERENCE,
    ),
    Family(
        name="bert-sizes",
        description="Text encoder with the published size of {name}, initialised at random",
        options=READING,
        names=tuple(NAMED),
        owns=NAMED.__contains__,
        build=_build_named,
        prototypes=tuple(Prototype(name, name) for name in NAMED),
        **REFERENCE,
    ),
)
