"""Folders of transformers: networks that we have arrive with their tokenizer, and no code in them is ever run."""

import json
import tarfile

import pytest
import torch
from safetensors.torch import load_file

import kdcore.models as models
from kdcore.errors import EngineError

transformers = pytest.importorskip("transformers")

SIZES = {"vocab_size": 40, "hidden_size": 24, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 36}


@pytest.fixture
def bert(tmp_path):
    """A tiny BERT with a classifier of three, as transformers saves it."""
    torch.manual_seed(0)
    config = transformers.BertConfig(
        **SIZES, max_position_embeddings=12, num_labels=3, id2label={0: "a", 1: "b", 2: "c"}
    )
    model = transformers.BertForSequenceClassification(config).eval()
    model.save_pretrained(tmp_path / "bert")
    (tmp_path / "bert" / "vocab.txt").write_text("[PAD]\n[UNK]\n[CLS]\n[SEP]\n")
    return tmp_path / "bert", model


def changed(folder, **entries):
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **entries}))


def test_a_bert_arrives_with_classes_input_and_tokenizer(bring, bert, tmp_path):
    folder, theirs = bert
    card = bring(folder, format="huggingface")
    assert card.architecture == "bert-2"
    assert card.classes == ("a", "b", "c")
    assert (card.input.kind, card.input.vocabulary, card.input.shape) == ("tokens", 40, (12,))
    assert "length" not in card.options
    assert {file.path for file in card.files} >= {"weights.safetensors", "vocab.txt"}
    found = load_file(tmp_path / "out" / "weights.safetensors")
    assert torch.equal(found["head.weight"], theirs.classifier.weight)
    network = models.build("bert-2", 3, **{**card.options, "length": 8, "separator": 3}).eval()
    models.load(network, tmp_path / "out" / "weights.safetensors")
    tokens = torch.tensor([[2, 7, 9, 11, 3, 0, 0, 0]])
    with torch.no_grad():
        expected = theirs(tokens, attention_mask=(tokens != 0).long()).logits
        assert torch.allclose(network(tokens), expected, atol=1e-5)


def test_a_folder_comes_in_an_archive_too(bring, bert, tmp_path):
    folder, _ = bert
    with tarfile.open(tmp_path / "bert.tar", "w") as tar:
        tar.add(folder, arcname="bert")
    assert bring(tmp_path / "bert.tar", format="huggingface").architecture == "bert-2"
    assert not (tmp_path / "out" / ".scratch").exists()


@pytest.mark.parametrize("kind", ["gpt2", "bart", "t5"])
def test_generators_arrive(bring, tmp_path, kind):
    configs = {
        "gpt2": lambda: transformers.GPT2LMHeadModel(
            transformers.GPT2Config(vocab_size=40, n_embd=16, n_layer=2, n_head=2, n_positions=24)
        ),
        "bart": lambda: transformers.BartForConditionalGeneration(
            transformers.BartConfig(
                vocab_size=40, d_model=16, encoder_layers=2, decoder_layers=2, encoder_attention_heads=2,
                decoder_attention_heads=2, encoder_ffn_dim=32, decoder_ffn_dim=32, max_position_embeddings=24,
            )
        ),
        "t5": lambda: transformers.T5ForConditionalGeneration(
            transformers.T5Config(vocab_size=40, d_model=16, num_layers=2, num_heads=2, d_kv=8, d_ff=32)
        ),
    }  # fmt: skip
    configs[kind]().save_pretrained(tmp_path / kind)
    card = bring(tmp_path / kind, format="huggingface")
    assert card.architecture == {"gpt2": "gpt-2", "bart": "bart-2", "t5": "t5-2"}[kind]
    assert card.task == "generation"
    assert card.report["counts"] == {"missing": 0, "unexpected": 0, "wrong_shape": 0}


def test_a_bare_encoder_gets_a_fresh_classifier_only_when_asked(bring, tmp_path):
    config = transformers.BertConfig(**SIZES, max_position_embeddings=12)
    transformers.BertForMaskedLM(config).save_pretrained(tmp_path / "mlm")
    with pytest.raises(EngineError, match="has no classifier: name the 'classes'"):
        bring(tmp_path / "mlm", format="huggingface")
    with pytest.raises(EngineError, match="is missing"):
        bring(tmp_path / "mlm", format="huggingface", classes=["x", "y"])
    card = bring(tmp_path / "mlm", format="huggingface", classes=["x", "y"], strict=False)
    assert "head.weight" in card.report["reinitialised"]


def test_code_of_its_own_is_refused(bring, bert, tmp_path):
    folder, _ = bert
    trace = tmp_path / "harmed"
    (folder / "modeling_evil.py").write_text(f"import os; os.mkdir({str(trace)!r})")
    changed(folder, auto_map={"AutoModel": "modeling_evil.Evil"})
    with pytest.raises(EngineError, match="no code of anybody's is run"):
        bring(folder, format="huggingface")
    assert not trace.exists()


@pytest.mark.parametrize(
    ("entries", "says"),
    [
        ({"model_type": "llama"}, "'llama' is none of those that we have networks for: bert, roberta"),
        ({"hidden_act": "relu"}, "activation 'relu'"),
        ({"is_decoder": True}, "is_decoder=True"),
        ({"num_hidden_layers": None}, "lacks an entry"),
        ({"num_hidden_layers": 3}, "is missing"),
        ({"hidden_size": "many"}, r"config.json|/options"),
    ],
)
def test_configurations_that_we_have_no_network_for_are_refused(bring, bert, entries, says):
    folder, _ = bert
    changed(folder, **entries)
    with pytest.raises(EngineError, match=says):
        bring(folder, format="huggingface")


@pytest.mark.parametrize("content", [b"[]", b"{", b"\xff\xfe", b'{"a":' * 5000, b" " * 2**21])
def test_configurations_that_are_none_are_refused(bring, bert, content):
    folder, _ = bert
    (folder / "config.json").write_bytes(content)
    with pytest.raises(EngineError, match=r"config\.json"):
        bring(folder, format="huggingface")


def test_pickled_weights_are_not_opened(bring, bert):
    folder, theirs = bert
    (folder / "model.safetensors").unlink()
    torch.save(theirs.state_dict(), folder / "pytorch_model.bin")
    with pytest.raises(EngineError, match=r"only pytorch_model\.bin: save it with save_pretrained"):
        bring(folder, format="huggingface")


def test_a_tokenizer_that_is_no_json_is_left_out(bring, bert, tmp_path):
    folder, _ = bert
    (folder / "tokenizer.json").write_bytes(b"\x80\x04K\x01.")
    card = bring(folder, format="huggingface")
    assert card.report["tokenizer"] == ["vocab.txt"]
