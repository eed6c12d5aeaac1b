"""Text encoders of Hugging Face's transformers as ours, and ours as theirs: the same tensors under other names.

BERT, RoBERTa (with XLM-RoBERTa and CamemBERT) and DistilBERT differ from `Encoder` in names alone, but for two things:
RoBERTa counts positions from ``padding + 1``, so that its first rows are never read; and DistilBERT has no segments.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

State = Mapping[str, Tensor]
Config = Mapping[str, Any]

GELUS = {"gelu": "none", "gelu_python": "none", "gelu_new": "tanh", "gelu_pytorch_tanh": "tanh"}
"""Names of activations in configurations, and how they approximate the GELU."""
PARTS = ("weight", "bias")
POSITIONS = "embedding.positions.weight"
SEGMENTS = "embedding.segments.weight"
DROPPED = ("position_ids", "token_type_ids")
"""Buffers of older files that hold no weights."""
LAYERS = "layers"
NO_SEGMENTS = 2
"""Rows of zeros that a BERT gets for segments that do not count: its tokenizers name two."""
DISTILBERT_EPS = 1e-12


class NotOurs(ValueError):
    """A configuration or a network that has no counterpart on the other side; the sentence says which part."""


@dataclass(frozen=True)
class Layout:
    """How a model type calls what `Encoder` has.

    Attributes:
        model: class with a classifier.
        prefix: of everything but the classifier's own layers.
        pooling: activation of its pooler.
        activation: entry of the configuration with the perceptrons' activation.
        options: our option by the name of the configuration's entry; ``layers`` beside the family's.
        rates: further entries that our one dropout rate stands for.
        outside: our module by theirs, outside of the blocks; ``!`` in front of theirs stands for no prefix.
        blocks: path of the blocks in theirs.
        inside: our module by theirs within a block.
    """

    model: str
    prefix: str
    pooling: str
    activation: str
    options: Mapping[str, str]
    rates: Sequence[str]
    outside: Mapping[str, str]
    blocks: str
    inside: Mapping[str, str]

    def names(self, layers: int) -> Iterator[tuple[str, str]]:
        """Each of our tensors by its name in theirs; embeddings have no bias."""
        for ours, theirs in self.outside.items():
            bare = theirs.startswith("!")
            path = theirs[1:] if bare else self.prefix + theirs
            for part in PARTS[:1] if ours.startswith("embedding.") and ours != "embedding.norm" else PARTS:
                yield f"{ours}.{part}", f"{path}.{part}"
        for i in range(layers):
            for ours, theirs in self.inside.items():
                for part in PARTS:
                    yield f"blocks.{i}.{ours}.{part}", f"{self.prefix}{self.blocks}.{i}.{theirs}.{part}"

    def called(self, name: str, names: Mapping[str, str]) -> str:
        """Our name of one of their tensors, with or without the prefix, and with the first BERT files' norm names."""
        modern = name.replace("LayerNorm.gamma", "LayerNorm.weight").replace("LayerNorm.beta", "LayerNorm.bias")
        return names.get(modern, names.get(self.prefix + modern, name))


_EMBEDDING = {
    "embedding.tokens": "embeddings.word_embeddings",
    "embedding.positions": "embeddings.position_embeddings",
    "embedding.norm": "embeddings.LayerNorm",
}
_BERT_EMBEDDING = {**_EMBEDDING, "embedding.segments": "embeddings.token_type_embeddings"}
_BERT_OPTIONS = {
    LAYERS: "num_hidden_layers",
    "hidden": "hidden_size",
    "heads": "num_attention_heads",
    "intermediate": "intermediate_size",
    "vocabulary": "vocab_size",
    "segments": "type_vocab_size",
    "padding": "pad_token_id",
    "norm_eps": "layer_norm_eps",
    "dropout": "hidden_dropout_prob",
}
_BERT_BLOCK = {
    "attention.query": "attention.self.query",
    "attention.key": "attention.self.key",
    "attention.value": "attention.self.value",
    "attention.output": "attention.output.dense",
    "norm1": "attention.output.LayerNorm",
    "mlp.up": "intermediate.dense",
    "mlp.down": "output.dense",
    "norm2": "output.LayerNorm",
}

BERT = Layout(
    "BertForSequenceClassification",
    "bert.",
    "tanh",
    "hidden_act",
    _BERT_OPTIONS,
    ("attention_probs_dropout_prob",),
    {**_BERT_EMBEDDING, "pooler.linear": "pooler.dense", "head": "!classifier"},
    "encoder.layer",
    _BERT_BLOCK,
)
ROBERTA = Layout(
    "RobertaForSequenceClassification",
    "roberta.",
    "tanh",
    "hidden_act",
    _BERT_OPTIONS,
    ("attention_probs_dropout_prob",),
    {**_BERT_EMBEDDING, "pooler.linear": "!classifier.dense", "head": "!classifier.out_proj"},
    "encoder.layer",
    _BERT_BLOCK,
)
DISTILBERT = Layout(
    "DistilBertForSequenceClassification",
    "distilbert.",
    "relu",
    "activation",
    {
        LAYERS: "n_layers",
        "hidden": "dim",
        "heads": "n_heads",
        "intermediate": "hidden_dim",
        "vocabulary": "vocab_size",
        "padding": "pad_token_id",
        "dropout": "dropout",
    },
    ("attention_dropout", "seq_classif_dropout"),
    {**_EMBEDDING, "pooler.linear": "!pre_classifier", "head": "!classifier"},
    "transformer.layer",
    {
        "attention.query": "attention.q_lin",
        "attention.key": "attention.k_lin",
        "attention.value": "attention.v_lin",
        "attention.output": "attention.out_lin",
        "norm1": "sa_layer_norm",
        "mlp.up": "ffn.lin1",
        "mlp.down": "ffn.lin2",
        "norm2": "output_layer_norm",
    },
)

LAYOUTS: Mapping[str, Layout] = {
    "bert": BERT,
    "roberta": ROBERTA,
    "xlm-roberta": ROBERTA,
    "camembert": ROBERTA,
    "distilbert": DISTILBERT,
}
"""By ``model_type`` of a configuration."""


def to_ours(config: Config, state: State) -> tuple[str, dict[str, Any], dict[str, Tensor]]:
    """Architecture, options and weights of a text encoder of transformers.

    ``options`` are those of the ``bert`` family; the separator, which no configuration names, is the tokenizer's. A
    folder without a classifier gives weights without ``head`` (and ``pooler``); what has no place in our network, such
    as a language model's head, keeps its name, so that a strict comparison shows it.

    Args:
        config: content of ``config.json``.
        state: named tensors of the weights file.

    Raises:
        NotOurs: another model type, or a variant that our encoder does not have.
    """
    kind = str(config.get("model_type"))
    if kind not in LAYOUTS:
        raise NotOurs(f"model_type={kind!r}: text encoders are read from {', '.join(LAYOUTS)}")
    layout = LAYOUTS[kind]
    _refuse_variants(config)
    options = {ours: config[theirs] for ours, theirs in layout.options.items() if config.get(theirs) is not None}
    layers = int(options.pop(LAYERS))
    options |= {"pooling": layout.pooling, "approximate": GELUS[_activation(config)]}
    if layout is DISTILBERT:
        options["segments"] = 0
    skipped = _skipped_positions(layout, options.get("padding", 0))
    options["max_length"] = int(config["max_position_embeddings"]) - skipped
    names = {theirs: ours for ours, theirs in layout.names(layers)}
    weights = {layout.called(name, names): tensor for name, tensor in state.items() if not name.endswith(DROPPED)}
    if POSITIONS in weights:
        weights[POSITIONS] = weights[POSITIONS][skipped:]
    return f"bert-{layers}", options, weights


def to_huggingface(
    architecture: str, options: Mapping[str, Any], state: State, classes: Sequence[str] = ()
) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Configuration and weights with which transformers builds a network that gives the same logits.

    It is a DistilBERT where the pooler has a ReLU and there are no segments, a RoBERTa where there is one segment, else
    a BERT. Who runs it gives segments (``token_type_ids``) and masks, as the tokenizer of the folder makes them.

    Args:
        architecture, options: of the ``bert`` family, all of its options with their values.
        state: of our encoder.
        classes: names of the classes.

    Raises:
        NotOurs: a combination of options that none of the three has.
    """
    layout, layers = _layout_for(options), int(architecture.rpartition("-")[2])
    given = {**options, LAYERS: layers}
    if layout is BERT:
        given["segments"] = options["segments"] or NO_SEGMENTS
    skipped = _skipped_positions(layout, options.get("padding", 0))
    labels = [str(name) for name in classes] or [f"LABEL_{i}" for i in range(len(state["head.bias"]))]
    config = {
        "model_type": next(kind for kind, known in LAYOUTS.items() if known is layout),
        "architectures": [layout.model],
        "id2label": {str(i): name for i, name in enumerate(labels)},
        "label2id": {name: i for i, name in enumerate(labels)},
        "max_position_embeddings": int(options["max_length"]) + skipped,
        layout.activation: "gelu" if options["approximate"] == "none" else "gelu_pytorch_tanh",
        **{theirs: given[ours] for ours, theirs in layout.options.items() if given.get(ours) is not None},
        **dict.fromkeys(layout.rates, options["dropout"]),
    }
    return config, _renamed(layout, layers, state, skipped)


def _renamed(layout: Layout, layers: int, state: State, skipped: int) -> dict[str, Tensor]:
    """Our weights under their names, with rows of zeros for positions that are never read and segments we lack."""
    width = state[POSITIONS].shape[1]
    filled = {**state, POSITIONS: torch.cat([state[POSITIONS].new_zeros(skipped, width), state[POSITIONS]])}
    if layout is BERT and SEGMENTS not in state:
        filled[SEGMENTS] = state[POSITIONS].new_zeros(NO_SEGMENTS, width)
    return {theirs: filled[ours] for ours, theirs in layout.names(layers)}


def _layout_for(options: Mapping[str, Any]) -> Layout:
    segments, pooling = options["segments"], options["pooling"]
    if pooling == "relu":
        if segments or options["norm_eps"] != DISTILBERT_EPS:
            reason = f"pooling='relu' with segments={segments} and norm_eps={options['norm_eps']}"
            raise NotOurs(f"{reason}: transformers has it with segments=0 and norm_eps={DISTILBERT_EPS} alone")
        return DISTILBERT
    return ROBERTA if segments == 1 else BERT


def _skipped_positions(layout: Layout, padding: int | None) -> int:
    """Rows of the position table in front of the first token's."""
    return int(padding or 0) + 1 if layout is ROBERTA else 0


def _activation(config: Config) -> str:
    return str(config.get("hidden_act", config.get("activation", "gelu")))


def _refuse_variants(config: Config) -> None:
    """Say what our encoder lacks.

    Raises:
        NotOurs: with the entry and its value.
    """
    kinds = {"position_embedding_type": ("absolute",), "is_decoder": (False,), "add_cross_attention": (False,)}
    for entry, known in kinds.items():
        if config.get(entry, known[0]) not in known:
            raise NotOurs(f"{entry}={config[entry]!r}: our encoder has {entry}={known[0]!r} alone")
    if _activation(config) not in GELUS:
        raise NotOurs(f"activation {_activation(config)!r}: our encoder has {', '.join(GELUS)}")
