"""Text encoders of transformers and ours are the same networks under other names, both ways."""

import pytest
import torch

from kdcore.models import build
from kdcore.models.encoder import Encoder
from kdcore.models.huggingface import NotOurs, to_huggingface, to_ours

transformers = pytest.importorskip("transformers")

BERT_SIZES = {
    "vocab_size": 40,
    "hidden_size": 24,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "intermediate_size": 36,
    "num_labels": 5,
}
THEIRS = {
    "bert": ("Bert", {**BERT_SIZES, "max_position_embeddings": 12}),
    "bert with another gelu": ("Bert", {**BERT_SIZES, "max_position_embeddings": 12, "hidden_act": "gelu_new"}),
    "roberta": (
        "Roberta",
        {**BERT_SIZES, "max_position_embeddings": 14, "type_vocab_size": 1, "layer_norm_eps": 1e-5},
    ),
    "distilbert": (
        "DistilBert",
        {
            "vocab_size": 40,
            "dim": 24,
            "n_layers": 3,
            "n_heads": 4,
            "hidden_dim": 36,
            "max_position_embeddings": 12,
            "num_labels": 5,
        },
    ),
}
SEPARATOR = {"Bert": 3, "Roberta": 2, "DistilBert": 3}


def theirs(name):
    """A model of transformers with weights large enough to matter."""
    family, options = THEIRS[name]
    torch.manual_seed(0)
    config = getattr(transformers, f"{family}Config")(**options)
    model = getattr(transformers, f"{family}ForSequenceClassification")(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.2)
    return model


def ours(architecture, options, state, separator):
    """Our encoder with these weights, every name and shape equal."""
    network = build(architecture, len(state["head.bias"]), separator=separator, **options)
    network.load_state_dict(state, strict=True)
    return network.eval()


def pairs(padding, separator, begin=4):
    """Two pairs of sentences of different lengths, padded to 11 tokens."""
    rows = [
        [begin, 7, 8, 9, separator, 11, 12, separator],
        [begin, 17, separator, 21, 22, 23, 24, 25, 26, 27, separator],
    ]
    return torch.tensor([row + [padding] * (11 - len(row)) for row in rows])


def answers(model, ids, padding, separator):
    """What a user of transformers gets, with mask and segments as tokenizers make them."""
    mask = (ids != padding).long()
    extra = {}
    if type(model).__name__.startswith("Bert"):
        ends = (ids == separator).long()
        extra = {"token_type_ids": ((ends.cumsum(1) - ends) == 1).long() * mask}
    with torch.no_grad():
        return model(input_ids=ids, attention_mask=mask, **extra).logits


@pytest.mark.parametrize("name", THEIRS)
def test_their_weights_give_the_same_logits_in_our_encoder(name):
    model = theirs(name)
    separator, padding = SEPARATOR[THEIRS[name][0]], model.config.pad_token_id
    network = ours(*to_ours(model.config.to_dict(), model.state_dict()), separator)
    ids = pairs(padding, separator)
    assert torch.allclose(network(ids), answers(model, ids, padding, separator), atol=1e-5)


@pytest.mark.parametrize("name", THEIRS)
def test_our_weights_give_the_same_logits_in_the_model_that_their_library_builds(name):
    before = theirs(name)
    separator, padding = SEPARATOR[THEIRS[name][0]], before.config.pad_token_id
    architecture, options, state = to_ours(before.config.to_dict(), before.state_dict())
    config, renamed = to_huggingface(architecture, options_of_family(options), state, classes=list("abcde"))
    family = THEIRS[name][0]
    assert config["architectures"] == [f"{family}ForSequenceClassification"]
    after = getattr(transformers, config["architectures"][0])(
        getattr(transformers, f"{family}Config").from_dict(config)
    ).eval()
    after.load_state_dict(renamed, strict=True)
    assert after.config.id2label[4] == "e"
    ids = pairs(padding, separator)
    assert torch.allclose(answers(after, ids, padding, separator), answers(before, ids, padding, separator), atol=1e-5)


def options_of_family(options):
    return {"segments": 0, "norm_eps": 1e-12, "padding": 0, **options}


def test_an_encoder_without_segments_becomes_a_bert_whose_segments_count_nothing():
    torch.manual_seed(0)
    network = Encoder(40, 2, 24, 4, 12, 3, separator=3).eval()
    options = {
        "hidden": 24, "heads": 4, "intermediate": 96, "vocabulary": 40, "max_length": 12, "padding": 0,
        "segments": 0, "pooling": "tanh", "approximate": "none", "norm_eps": 1e-12, "dropout": 0.1,
    }  # fmt: skip
    config, state = to_huggingface("bert-2", options, network.state_dict())
    model = transformers.BertForSequenceClassification(transformers.BertConfig.from_dict(config)).eval()
    model.load_state_dict(state, strict=True)
    ids = pairs(0, 3)
    assert torch.allclose(network(ids), answers(model, ids, 0, 3), atol=1e-5)


def test_a_folder_without_classifier_keeps_names_that_have_no_place_here_and_drops_buffers():
    model = transformers.BertForMaskedLM(transformers.BertConfig(**BERT_SIZES, max_position_embeddings=12))
    state = {**model.state_dict(), "bert.embeddings.position_ids": torch.arange(12)[None]}
    _, _, found = to_ours(model.config.to_dict(), state)
    assert "blocks.2.mlp.down.bias" in found
    assert "head.weight" not in found
    assert "cls.predictions.bias" in found
    assert not any(name.endswith("position_ids") for name in found)


def test_names_without_prefix_and_the_first_files_norm_names_are_understood():
    model = theirs("bert")
    old = {
        name.removeprefix("bert.")
        .replace("LayerNorm.weight", "LayerNorm.gamma")
        .replace("LayerNorm.bias", "LayerNorm.beta"): tensor
        for name, tensor in model.state_dict().items()
    }
    _, _, found = to_ours(model.config.to_dict(), old)
    _, _, expected = to_ours(model.config.to_dict(), model.state_dict())
    assert set(found) == set(expected)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"model_type": "t5"}, "model_type='t5': text encoders are read from bert, roberta"),
        ({"hidden_act": "silu"}, "activation 'silu'"),
        ({"position_embedding_type": "relative_key"}, "position_embedding_type='relative_key'"),
        ({"is_decoder": True}, "is_decoder=True"),
    ],
)
def test_what_our_encoder_lacks_is_refused_by_entry_and_value(change, said):
    config = {**transformers.BertConfig(**BERT_SIZES).to_dict(), **change}
    with pytest.raises(NotOurs, match=said):
        to_ours(config, {})


def test_a_network_that_transformers_lacks_is_refused_with_what_it_has():
    with pytest.raises(NotOurs, match="segments=0"):
        to_huggingface("bert-2", {"segments": 2, "pooling": "relu", "norm_eps": 1e-12}, {})
