"""Generators: transformers' models are ours under other names, nothing looks ahead, and memory changes nothing."""

import pytest
import torch

from kdcore.models import landmarks
from kdcore.models.bart import Bart
from kdcore.models.gpt import GPT
from kdcore.models.huggingface import NotOurs
from kdcore.models.huggingface_generation import to_ours
from kdcore.models.t5 import T5
from kdcore.objective.points import Capture

transformers = pytest.importorskip("transformers")

V, S, T = 30, 7, 6
GPT_SIZES = {"vocab_size": V, "n_embd": 24, "n_layer": 2, "n_head": 3, "n_positions": 16, "bos_token_id": 1,
             "eos_token_id": 2}  # fmt: skip
BART_SIZES = {"vocab_size": V, "d_model": 24, "encoder_layers": 2, "decoder_layers": 2, "encoder_attention_heads": 3,
              "decoder_attention_heads": 3, "encoder_ffn_dim": 40, "decoder_ffn_dim": 40, "pad_token_id": 0,
              "bos_token_id": 1, "eos_token_id": 2, "decoder_start_token_id": 1, "forced_eos_token_id": None,
              "max_position_embeddings": 16}  # fmt: skip
T5_SIZES = {"vocab_size": V, "d_model": 24, "d_kv": 10, "d_ff": 40, "num_layers": 2, "num_heads": 3, "pad_token_id": 0,
            "eos_token_id": 2, "relative_attention_num_buckets": 8, "relative_attention_max_distance": 12}  # fmt: skip
THEIRS = {
    "gpt2": (transformers.GPT2Config, transformers.GPT2LMHeadModel, GPT_SIZES),
    "bart": (transformers.BartConfig, transformers.BartForConditionalGeneration, BART_SIZES),
    "bart scaled": (
        transformers.BartConfig, transformers.BartForConditionalGeneration, {**BART_SIZES, "scale_embedding": True}
    ),
    "t5": (transformers.T5Config, transformers.T5ForConditionalGeneration, T5_SIZES),
    "t5 1.1": (
        transformers.T5Config,
        transformers.T5ForConditionalGeneration,
        {**T5_SIZES, "feed_forward_proj": "gated-gelu", "tie_word_embeddings": False},
    ),
}  # fmt: skip
CLASSES = {"gpt": GPT, "bart": Bart, "t5": T5}


def theirs(name):
    """A model of transformers with weights large enough to matter."""
    config, model, sizes = THEIRS[name]
    torch.manual_seed(0)
    built = model(config(**sizes)).eval()
    with torch.no_grad():
        for parameter in built.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.2)
    return built


def ours(model):
    """Our network with the weights of one of transformers, every name and shape equal."""
    architecture, options, weights = to_ours(model.config.to_dict(), model.state_dict())
    family, layers = architecture.split("-")
    lengths = {} if family == "gpt" else {"source_length": S}
    vocabulary, hidden = options.pop("vocabulary"), options.pop("hidden")
    network = CLASSES[family](vocabulary, int(layers), hidden, **options, **lengths)
    network.load_state_dict(weights, strict=True)
    return network.eval()


def built(name):
    return ours(theirs(name))


def drawn(length, seed=0, rows=4):
    return torch.randint(3, V, (rows, length), generator=torch.Generator().manual_seed(seed))


def sources():
    ids = drawn(S, 1)
    ids[1, 5:], ids[2, 2:] = 0, 0
    return ids


@pytest.mark.parametrize("name", THEIRS)
def test_a_model_of_transformers_says_the_same_as_ours_with_its_weights(name):
    model = theirs(name)
    network, tokens = ours(model), drawn(T)
    with torch.no_grad():
        if name == "gpt2":
            assert torch.allclose(network(tokens), model(tokens).logits, atol=1e-4)
            return
        source = sources()
        expected = model(input_ids=source, attention_mask=(source != 0).long(), decoder_input_ids=tokens).logits
        found = network(torch.cat([source, tokens], 1))
    assert found.shape == (4, T, V)
    assert torch.allclose(found, expected, atol=1e-4)


def test_a_folder_of_gpt2_without_its_head_and_prefix_is_read_too():
    model = theirs("gpt2")
    bare = {name.removeprefix("transformer."): t for name, t in model.state_dict().items() if "lm_head" not in name}
    _, _, weights = to_ours(model.config.to_dict(), bare)
    assert set(weights) == set(ours(model).state_dict())


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"model_type": "llama"}, "gpt2, bart, t5"),
        ({"model_type": "gpt2", "activation_function": "relu"}, "activation_function='relu'"),
        ({"model_type": "bart", "encoder_layers": 6, "decoder_layers": 3}, "decoder_layers=3"),
        ({"model_type": "t5", "num_layers": 2, "num_decoder_layers": 1}, "num_decoder_layers=1"),
    ],
)
def test_what_our_networks_lack_is_refused_by_name_and_value(config, said):
    with pytest.raises(NotOurs, match=said):
        to_ours(config, {})


@pytest.mark.parametrize("name", THEIRS)
def test_no_token_sees_what_comes_behind_it(name):
    network, source, tokens = built(name), sources(), drawn(T)
    given = [] if name == "gpt2" else [source]
    changed = tokens.clone()
    changed[:, 4:] = drawn(T - 4, 9)
    before, after = network(torch.cat([*given, tokens], 1)), network(torch.cat([*given, changed], 1))
    assert torch.equal(before[:, :4], after[:, :4])
    assert not torch.allclose(before[:, 4:], after[:, 4:])


@pytest.mark.parametrize("name", ["bart", "t5", "gpt with a source"])
def test_how_far_a_source_is_filled_up_changes_nothing_but_where_positions_are_counted_from(name):
    torch.manual_seed(0)
    sizes = {
        "gpt with a source": (GPT, (V, 2, 24, 3, 40)),
        "bart": (Bart, (V, 2, 24, 3, 40)),
        "t5": (T5, (V, 2, 24, 3)),
    }
    kind, given = sizes[name]
    short, long = (kind(*given, source_length=length, padding=0).eval() for length in (4, S))
    long.load_state_dict(short.state_dict())
    source, tokens = drawn(4), drawn(T, 1)
    padded = torch.nn.functional.pad(source, (0, S - 4))
    a, b = short(torch.cat([source, tokens], 1)), long(torch.cat([padded, tokens], 1))
    assert a.shape == b.shape == (4, T, V)
    if name != "gpt with a source":
        assert torch.allclose(a, b, atol=1e-5)
    junk = padded.clone()
    junk[:, :2] = drawn(2, 5)
    assert not torch.allclose(b, long(torch.cat([junk, tokens], 1)))


@pytest.mark.parametrize("name", ["gpt2", "bart", "t5", "t5 1.1", "gpt with a source"])
def test_writing_token_by_token_gives_the_logits_of_the_whole(name):
    if name == "gpt with a source":
        torch.manual_seed(0)
        network = GPT(V, 2, 24, 3, 32, source_length=S, padding=0).eval()
    else:
        network = built(name)
    source = sources()[:, : network.source_length]
    tokens = drawn(T)
    whole = network(torch.cat([source, tokens], 1))
    memory = network.start(source)
    pieces = [network.advance(tokens[:, a:b], memory) for a, b in [(0, 3), (3, 4), (4, T)]]
    assert torch.allclose(torch.cat(pieces, 1), whole, atol=1e-5)
    rows = torch.tensor([2, 0, 0])
    memory = network.start(source)
    network.advance(tokens[:, :5], memory)
    memory.select(rows)
    assert torch.allclose(network.advance(tokens[rows, 5:], memory)[:, 0], whole[rows, -1], atol=1e-5)


@pytest.mark.parametrize("name", ["gpt2", "bart", "t5"])
def test_every_place_can_be_captured_and_is_finite(name):
    network = built(name)
    found = landmarks(network)
    ids = drawn(T) if name == "gpt2" else torch.cat([sources(), drawn(T)], 1)
    points = ["embedding", *found.features, *(point for points in found.aliases.values() for point in points)]
    with Capture(network, [*points, "head@in", "logits"]) as capture:
        seen = capture(ids)
    assert all(tensor.isfinite().all() for tensor in seen.values())
    assert seen["head@in"].shape == (4, T, 24)
    if name != "gpt2":
        assert {tuple(seen[point].shape) for point in found.aliases["cross_attention"]} == {(4, 3, T, S)}
        assert {tuple(seen[point].shape) for point in found.aliases["encoder_features"]} == {(4, S, 24)}
        assert {tuple(seen[point].shape) for point in found.aliases["decoder_features"]} == {(4, T, 24)}


@pytest.mark.parametrize("kind", [GPT, Bart, T5])
def test_fresh_networks_guess_about_evenly_and_all_weights_learn(kind):
    torch.manual_seed(0)
    network = kind(V, 2, 24, 3, **({"source_length": S} if kind is T5 else {"max_length": 32, "source_length": S}))
    ids, target = torch.cat([sources(), drawn(T)], 1), drawn(T, 3)
    loss = torch.nn.functional.cross_entropy(network(ids).flatten(0, 1), target.flatten())
    loss.backward()
    assert abs(loss.item() - torch.tensor(float(V)).log().item()) < 1
    assert all(p.grad is not None and p.grad.isfinite().all() for p in network.parameters())


def test_too_long_a_sequence_an_uneven_width_and_a_decoder_without_tokens_are_refused():
    with pytest.raises(ValueError, match="9 tokens; this network has 8"):
        GPT(V, 1, 24, 3, 8)(torch.ones(1, 9, dtype=torch.long))
    with pytest.raises(ValueError, match="5 heads do not share a width of 24"):
        T5(V, 1, 24, 5, source_length=S)
    with pytest.raises(ValueError, match="none for the decoder"):
        Bart(V, 1, 24, 3, 8, source_length=S)(torch.ones(1, S, dtype=torch.long))
