"""GPT-2, BART and T5 of Hugging Face's transformers as ours: the same tensors under other names."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor

from kdcore.models.huggingface import Config, NotOurs, State

Parts = Mapping[str, str]
Mapped = tuple[str, dict[str, Any], dict[str, Tensor]]

_GPT_BLOCK = {"ln_1": "norm1", "attn.c_proj": "attention.output", "ln_2": "norm2", "mlp.c_fc": "mlp.up",
              "mlp.c_proj": "mlp.down"}  # fmt: skip
_GPT_TURNED = ("attn.c_proj.weight", "mlp.c_fc.weight", "mlp.c_proj.weight")
"""Weights that GPT-2 keeps with their axes the other way round."""
_GPT = {"wte.weight": "embedding.tokens.weight", "wpe.weight": "embedding.positions.table.weight",
        "ln_f.weight": "norm.weight", "ln_f.bias": "norm.bias"}  # fmt: skip

_BART_BLOCK = {
    "self_attn.q_proj": "attention.query", "self_attn.k_proj": "attention.key", "self_attn.v_proj": "attention.value",
    "self_attn.out_proj": "attention.output", "self_attn_layer_norm": "norm1", "fc1": "mlp.up", "fc2": "mlp.down",
    "encoder_attn.q_proj": "cross.query", "encoder_attn.k_proj": "cross.key", "encoder_attn.v_proj": "cross.value",
    "encoder_attn.out_proj": "cross.output", "encoder_attn_layer_norm": "norm2",
}  # fmt: skip
_BART_UNREAD = 2
"""Rows of BART's tables of positions in front of the first token's; they are never read."""
_BART_LAST_NORM = {"encoder": "norm2", "decoder": "norm3"}
_BART = {"shared": "embedding", "encoder.embed_positions": "encoder.positions.table",
         "decoder.embed_positions": "decoder.positions.table", "encoder.layernorm_embedding": "encoder.norm",
         "decoder.layernorm_embedding": "decoder.norm"}  # fmt: skip

_T5_PARTS = {
    "SelfAttention.q": "attention.query", "SelfAttention.k": "attention.key", "SelfAttention.v": "attention.value",
    "SelfAttention.o": "attention.output", "EncDecAttention.q": "cross.query", "EncDecAttention.k": "cross.key",
    "EncDecAttention.v": "cross.value", "EncDecAttention.o": "cross.output", "DenseReluDense.wi": "mlp.up",
    "DenseReluDense.wi_0": "mlp.gate", "DenseReluDense.wi_1": "mlp.up", "DenseReluDense.wo": "mlp.down",
}  # fmt: skip
_T5_NORMS = {"encoder": ("norm1", "norm3"), "decoder": ("norm1", "norm2", "norm3")}
_T5 = {"shared": "embedding", "encoder.final_layer_norm": "encoder.norm", "decoder.final_layer_norm": "decoder.norm",
       "lm_head": "head"}  # fmt: skip

_COPIES = ("lm_head.weight", "encoder.embed_tokens.weight", "decoder.embed_tokens.weight")
"""The embedding once more, under other names."""
_GPT_BUFFERS = re.compile(r"h\.\d+\.attn\.(?:bias|masked_bias)")


def to_ours(config: Config, state: State) -> Mapped:
    """Architecture, options and weights of a GPT-2, BART or T5 of transformers.

    ``options`` are those of the families ``gpt``, ``bart`` and ``t5``; ``vocabulary`` is among them, and
    ``source_length``, which no configuration names, is the dataset's. What has no place in our network keeps its name,
    so that a strict comparison shows it.

    Args:
        config: content of ``config.json``.
        state: named tensors of the weights file.

    Raises:
        NotOurs: another model type, or a variant that our networks do not have.
    """
    kind = str(config.get("model_type"))
    if kind not in READERS:
        raise NotOurs(f"model_type={kind!r}: generators are read from {', '.join(READERS)}")
    return READERS[kind](config, state)


def _gpt2(config: Config, state: State) -> Mapped:
    _refuse(config, activation_function=("gelu_new", "gelu_pytorch_tanh"), scale_attn_weights=(True,),
            scale_attn_by_inverse_layer_idx=(False,), add_cross_attention=(False,), layer_norm_epsilon=(1e-5,),
            tie_word_embeddings=(True,))  # fmt: skip
    weights: dict[str, Tensor] = {}
    for name, tensor in state.items():
        bare = name.removeprefix("transformer.")
        if bare not in _COPIES and not _GPT_BUFFERS.fullmatch(bare):
            weights |= _gpt_tensor(bare, tensor)
    options = {
        "vocabulary": int(config["vocab_size"]),
        "hidden": int(config["n_embd"]),
        "heads": int(config["n_head"]),
        "intermediate": int(config.get("n_inner") or 4 * int(config["n_embd"])),
        "max_length": int(config["n_positions"]),
        **_padding(config),
    }
    return f"gpt-{config['n_layer']}", options, weights


def _gpt_tensor(name: str, tensor: Tensor) -> dict[str, Tensor]:
    found = re.fullmatch(r"h\.(\d+)\.(.+)\.(weight|bias)", name)
    if found is None:
        return {_GPT.get(name, name): tensor}
    block, part, kind = f"blocks.{found[1]}", found[2], found[3]
    if part == "attn.c_attn":  # queries, keys and values side by side
        thirds = (tensor.T if kind == "weight" else tensor).chunk(3)
        names = ("query", "key", "value")
        return {f"{block}.attention.{one}.{kind}": third for one, third in zip(names, thirds, strict=True)}
    turned = tensor.T if f"{part}.{kind}" in _GPT_TURNED else tensor
    return {f"{block}.{_GPT_BLOCK.get(part, part)}.{kind}": turned.contiguous()}


def _bart(config: Config, state: State) -> Mapped:
    _refuse(config, activation_function=("gelu",), tie_word_embeddings=(True,))
    layers = _equal(config, "encoder_layers", "decoder_layers")
    weights: dict[str, Tensor] = {}
    for name, tensor in state.items():
        bare = name.removeprefix("model.")
        if bare == "final_logits_bias":
            if tensor.any():
                raise NotOurs("final_logits_bias is not zero: our bart has no bias behind its head")
        elif bare not in _COPIES:
            unread = _BART_UNREAD if bare.endswith("embed_positions.weight") else 0
            weights[_bart_name(bare)] = tensor[unread:]
    options = {
        "vocabulary": int(config["vocab_size"]),
        "hidden": int(config["d_model"]),
        "heads": _equal(config, "encoder_attention_heads", "decoder_attention_heads"),
        "intermediate": _equal(config, "encoder_ffn_dim", "decoder_ffn_dim"),
        "max_length": int(config["max_position_embeddings"]),
        "scaled": bool(config.get("scale_embedding", False)),
        **_padding(config),
    }
    return f"bart-{layers}", options, weights


def _bart_name(name: str) -> str:
    found = re.fullmatch(r"(encoder|decoder)\.layers\.(\d+)\.(.+)\.(weight|bias)", name)
    if found is None:
        path, _, kind = name.rpartition(".")
        return f"{_BART.get(path, path)}.{kind}"
    side, part = found[1], found[3]
    ours = _BART_LAST_NORM[side] if part == "final_layer_norm" else _BART_BLOCK.get(part, part)
    return f"{side}.blocks.{found[2]}.{ours}.{found[4]}"


def _t5(config: Config, state: State) -> Mapped:
    _refuse(config, layer_norm_epsilon=(1e-6,), feed_forward_proj=("relu", "gated-gelu"))
    layers = int(config["num_layers"])
    if (config.get("num_decoder_layers") or layers) != layers:
        raise NotOurs(f"num_layers={layers}, num_decoder_layers={config['num_decoder_layers']}: ours are equal")
    tied = bool(config.get("scale_decoder_outputs", config.get("tie_word_embeddings", True)))
    copies = _COPIES if tied else _COPIES[1:]
    weights = {_t5_name(name): tensor for name, tensor in state.items() if name not in copies}
    options = {
        "vocabulary": int(config["vocab_size"]),
        "hidden": int(config["d_model"]),
        "heads": int(config["num_heads"]),
        "head_width": int(config["d_kv"]),
        "intermediate": int(config["d_ff"]),
        "gated": config.get("feed_forward_proj", "relu") == "gated-gelu",
        "tied": tied,
        "buckets": int(config.get("relative_attention_num_buckets", 32)),
        "farthest": int(config.get("relative_attention_max_distance", 128)),
        **_padding(config),
    }
    return f"t5-{layers}", options, weights


def _t5_name(name: str) -> str:
    places = re.fullmatch(
        r"(encoder|decoder)\.block\.0\.layer\.0\.SelfAttention\.relative_attention_bias\.weight", name
    )
    if places is not None:
        return f"{places[1]}.positions.table.weight"
    found = re.fullmatch(r"(encoder|decoder)\.block\.(\d+)\.layer\.(\d)\.(.+)\.weight", name)
    if found is None:
        path, _, kind = name.rpartition(".")
        return f"{_T5.get(path, path)}.{kind}"
    side, norms = found[1], _T5_NORMS[found[1]]
    ours = norms[int(found[3])] if found[4] == "layer_norm" else _T5_PARTS.get(found[4], found[4])
    return f"{side}.blocks.{found[2]}.{ours}.weight"


def _padding(config: Config) -> dict[str, int]:
    return {} if config.get("pad_token_id") is None else {"padding": int(config["pad_token_id"])}


def _equal(config: Config, one: str, other: str) -> int:
    """What both sides of our networks share.

    Raises:
        NotOurs: with both values.
    """
    if config[one] != config[other]:
        raise NotOurs(f"{one}={config[one]}, {other}={config[other]}: both sides of ours are equal")
    return int(config[one])


def _refuse(config: Config, **known: tuple[Any, ...]) -> None:
    """Say what our network lacks; an entry that is left out has its first value.

    Raises:
        NotOurs: with the entry and its value.
    """
    for entry, values in known.items():
        if config.get(entry, values[0]) not in values:
            raise NotOurs(f"{entry}={config[entry]!r}: ours has {' or '.join(map(repr, values))} alone")


READERS: Mapping[str, Callable[[Config, State], Mapped]] = {"gpt2": _gpt2, "bart": _bart, "t5": _t5}
"""By ``model_type`` of a configuration."""
