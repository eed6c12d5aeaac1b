"""Texts: one or two become token ids laid out as BERT's, by a tokenizer that is learnt the same way every time."""

import json
import subprocess
import sys

import numpy as np
import pytest
from bringing import bring, real
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer

from kdcore.bring.caps import Caps
from kdcore.bring.text.learning import learnt
from kdcore.errors import EngineError
from kdcore.spec import SpecError
from kdcore.spec.bringing import parse_bringing
from kdcore.spec.bringing.tokenizers import TokenizerTraining

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
WORDS = ("the", "pump", "runs", "hot", "while", "a", "valve", "is", "shut", "and", "nobody", "hears", "it", "sing")


def sentences(count):
    return [" ".join(WORDS[(n * k) % len(WORDS)] for k in range(3, 9)) for n in range(count)]


@pytest.fixture
def texts(tmp_path):
    """Writes files and brings them as texts."""

    def make(contents, caps=None, **options):
        folder = tmp_path / "source"
        folder.mkdir(exist_ok=True)
        for name, content in contents.items():
            (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
        out = tmp_path / f"pack{len(list(tmp_path.iterdir()))}"
        chosen = {"task": "classification", "target": "label", "tokenizer": {"train": {"vocabulary": 100}}, **options}
        return bring(folder, out, caps, format="text", **chosen)

    return make


def tsv(rows, header="text\tlabel"):
    return "\n".join([header, *("\t".join(map(str, row)) for row in rows)]) + "\n"


TSV = tsv([(text, "hot" if "hot" in text else "cold") for text in sentences(40)])


def refused(texts, contents, **options):
    with pytest.raises(EngineError) as caught:
        texts(contents, **options)
    assert caught.value.code == "invalid_data"
    return caught.value.message, caught.value.param


def test_a_text_becomes_begin_its_pieces_separator_and_padding(texts):
    brought = texts({"x.tsv": TSV}, max_length=16)
    card, train = brought.card.input, brought.split("train")
    assert (card.kind, card.shape, card.tokenizer) == ("tokens", (16,), "tokenizer.json")
    assert card.special == {"padding": 0, "unknown": 1, "begin": 2, "separator": 3, "mask": 4}
    assert train.inputs.dtype == np.int32
    tokenizer = Tokenizer.from_file(str(brought.folder / "tokenizer.json"))
    tokens = [tokenizer.id_to_token(number) for number in train.inputs[1]]
    end = tokens.index("[SEP]")
    assert tokens[0] == "[CLS]"
    assert set(tokens[end + 1 :]) == {"[PAD]"}
    assert tokenizer.decode(train.inputs[1].tolist()) == sentences(2)[1]
    assert tokenizer.encode(sentences(2)[1]).ids == train.inputs[1].tolist()
    assert card.vocabulary == tokenizer.get_vocab_size()


def test_a_pair_has_a_separator_between_and_behind_and_the_longer_text_is_cut(texts):
    rows = [(a, a.split()[0], "same" if n % 2 else "other") for n, a in enumerate(sentences(20))]
    brought = texts({"x.tsv": tsv(rows, "one\ttwo\tlabel")}, text="one", pair="two", max_length=8)
    for ids in brought.split("train").inputs.tolist():
        assert ids[0] == 2
        assert ids.count(3) == 2
        assert ids[-1] in (0, 3)
    assert brought.warned("cut_texts")[0]["examples"] == 20
    assert brought.report["preview"][0]["pair"]


def test_the_same_texts_and_options_give_the_same_pack(texts):
    options = {"cut": {"validation": 0.2}, "max_length": "auto"}
    assert texts({"x.tsv": TSV}, **options).card.sha256 == texts({"x.tsv": TSV}, **options).card.sha256


def test_the_length_follows_from_what_nearly_all_training_texts_need(texts):
    rows = [("valve " * (5 if n else 400), n % 2) for n in range(200)]
    content = {"train.tsv": tsv(rows), "test.tsv": tsv(rows)}
    tokenizer = {"train": {"vocabulary": 60}}
    assert texts(content, max_length="auto", tokenizer=tokenizer).card.input.shape == (8,)
    assert texts(content, tokenizer=tokenizer).card.input.shape == (128,)


def test_the_tokenizer_is_learnt_from_the_training_split_alone(texts):
    train = tsv([(text, n % 2) for n, text in enumerate(sentences(30))])
    test = tsv([("zzz qqq", 0), ("zzz xxx", 1)])
    brought = texts({"train.tsv": train, "test.tsv": test}, max_length=8)
    tokenizer = Tokenizer.from_file(str(brought.folder / "tokenizer.json"))
    assert "z" not in tokenizer.get_vocab()
    assert brought.split("test").inputs[0].tolist() == [2, 1, 1, 3, 0, 0, 0, 0]


def test_a_text_that_spells_a_special_token_holds_letters(texts):
    rows = [(f"{text} [SEP] [PAD]", n % 2) for n, text in enumerate(sentences(20))]
    ids = texts({"x.tsv": tsv(rows)}, max_length=64).split("train").inputs[0].tolist()
    assert ids.count(3) == 1
    assert 0 not in ids[: ids.index(3)]


def test_lines_after_a_pattern_and_columns_by_place_are_read(texts):
    lines = "".join(f"{n % 2} {text}\n" for n, text in enumerate(sentences(20)))
    patterned = texts({"train.all": lines}, reading={"pattern": "{label} {text}"})
    numbered = texts({"train.all": tsv([(t, n % 2) for n, t in enumerate(sentences(20))]).split("\n", 1)[1]},
                     text=0, target=1, reading={"header": False, "delimiter": "tab"})  # fmt: skip
    assert np.array_equal(patterned.split("train").inputs, numbered.split("train").inputs)


def test_texts_have_several_labels_or_values_too(texts):
    rows = [
        {"text": text, "label": ["hot"] * ("hot" in text) + ["a"], "y": n / 8} for n, text in enumerate(sentences(20))
    ]
    content = {"x.jsonl": "\n".join(map(json.dumps, rows))}
    labels = texts(content, task="multilabel")
    assert labels.card.target.classes == ("a", "hot")
    assert labels.split("train").targets[:, 0].tolist() == [1] * 20
    assert labels.split("train").targets[:, 1].tolist() == [float("hot" in row["text"]) for row in rows]
    values = texts(content, task="regression", target="y")
    assert values.split("train").targets[:, 0].tolist() == [row["y"] for row in rows]
    assert values.card.target.mean == (19 / 16,)


def test_a_vocabulary_brought_along_is_used_as_it_is(texts):
    words = [*SPECIAL, "the", "pump", "##s", "valve"]
    files = {"vocab.txt": "\n".join(words) + "\n", "x.tsv": tsv([("The pumps", 0), ("the VALVE!", 1)] * 5)}
    brought = texts(files, files=["x.tsv"], tokenizer={"file": "vocab.txt"}, max_length=8)
    assert brought.split("train").inputs[:2].tolist() == [[2, 5, 6, 7, 3, 0, 0, 0], [2, 5, 8, 1, 3, 0, 0, 0]]
    assert brought.card.input.vocabulary == 9


def test_a_tokenizer_brought_along_gets_the_special_tokens_that_it_lacks(texts):
    other = learnt(TokenizerTraining(kind="bpe", vocabulary=300), lambda: iter(sentences(9)), ["<s>", "</s>"])
    brought = texts(
        {"x.tsv": TSV, "tokenizer.json": other.to_str()}, files=["x.tsv"], tokenizer={"file": "tokenizer.json"}
    )
    assert brought.warned("added_tokens")[0]["tokens"] == ["[PAD]", "[MASK]"]
    special = brought.card.input.special
    assert (special["begin"], special["separator"]) == (0, 1)
    assert "unknown" not in special
    assert brought.card.input.vocabulary == max(special.values()) + 1


def from_file(name):
    return {"tokenizer": {"file": name}, "files": ["x.tsv"]}


@pytest.mark.parametrize(
    ("contents", "options", "says", "param"),
    [
        ({"x.tsv": tsv([("", 0), ("a", 1)])}, {}, "x.tsv:2, column 'text': has no text", "/source"),
        ({"x.tsv": tsv([("a", ""), ("b", 1)])}, {}, "x.tsv:2: has no label", "/source"),
        ({"x.tsv": TSV}, {"text": "sentence"}, "has no column 'sentence'", "/text"),
        ({"x.tsv": TSV}, {"pair": "other"}, "has no column 'other'", "/pair"),
        ({"x.tsv": b"text\tlabel\ncaf\xe9\t1\n"}, {}, "x.tsv: line 2 has byte 0xe9 at place 4", "/source"),
        ({"x.tsv": "text\tlabel\ncafé\t1\n"}, {"reading": {"encoding": "cp1252"}}, "is UTF-8, not cp1252", "/source"),
        ({"x.jsonl": '{"text": ["a"], "label": 1}\n'}, {}, "column 'text': is a list, not a text", "/source"),
        ({"x.tsv": TSV, "v.txt": "a\nb\n"}, from_file("v.txt"), "v.txt is no WordPiece", "/tokenizer/file"),
        ({"x.tsv": TSV, "t.json": "{}"}, from_file("t.json"), "t.json is no tokenizer.json", "/tokenizer/file"),
        ({"x.tsv": TSV, "t.json": b"\x80\x04K\x01."}, from_file("t.json"), "is no tokenizer.json", "/tokenizer/file"),
        ({"x.tsv": TSV}, {"tokenizer": {"file": "t.json"}}, "no file is called 't.json'", "/tokenizer/file"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_named(texts, contents, options, says, param):
    message, pointer = refused(texts, contents, **options)
    assert says in message
    assert pointer == param


def test_texts_beyond_the_caps_are_refused(texts):
    assert "the operator's cap" in refused(texts, {"x.tsv": TSV}, caps=Caps(pack_bytes=500))[0]
    assert "has more than 20 bytes" in refused(texts, {"x.tsv": TSV}, caps=Caps(line_bytes=20))[0]


@pytest.mark.parametrize(
    "options", [{"pair": "text"}, {"target": "text"}, {"tokenizer": {}}, {"max_length": 4}, {"max_length": "long"}]
)
def test_options_that_contradict_each_other_are_refused(options):
    with pytest.raises(SpecError):
        parse_bringing({"format": "text", "name": "x", "task": "classification", "target": "label", **options})


@given(st.lists(st.text(st.characters(codec="utf-8")), min_size=1, max_size=5))
def test_byte_pairs_lose_nothing(found):
    tokenizer = learnt(TokenizerTraining(kind="bpe", vocabulary=300), lambda: iter(sentences(20)), SPECIAL)
    tokenizer.encode_special_tokens = True
    for text in found:
        ids = tokenizer.encode(text, add_special_tokens=False).ids
        assert tokenizer.decode(ids, skip_special_tokens=False) == text


@given(st.lists(st.text(st.characters(codec="utf-8"), min_size=1), min_size=1, max_size=5))
def test_characters_lose_nothing_that_was_learnt(found):
    tokenizer = learnt(TokenizerTraining(kind="characters", vocabulary=5000), lambda: iter(found), SPECIAL)
    for text in found:
        assert tokenizer.decode(tokenizer.encode(text).ids, skip_special_tokens=False) == text


LEARN = """
import hashlib, sys
from kdcore.bring.text.learning import learnt
from kdcore.spec.bringing.tokenizers import TokenizerTraining
texts = sys.stdin.read().split("\\n")
for kind in ("wordpiece", "bpe", "characters"):
    made = learnt(TokenizerTraining(kind=kind, vocabulary=900), lambda: iter(texts), ["[PAD]", "[UNK]"])
    print(hashlib.sha256(made.to_str().encode()).hexdigest())
"""


@pytest.mark.slow
def test_a_tokenizer_is_the_same_in_every_process():
    lines = (real("trec") / "TREC.train.all").read_bytes().decode("latin-1")[:60_000]
    runs = [
        subprocess.run([sys.executable, "-c", LEARN], input=lines, capture_output=True, text=True, check=True).stdout
        for _ in range(2)
    ]
    assert len(set(runs)) == 1, json.dumps(runs)


def test_sst2_is_brought_with_its_splits_and_its_two_leaks(tmp_path):
    options = {"task": "classification", "text": 0, "target": 1, "reading": {"header": False}, "max_length": "auto"}
    brought = bring(real("sst2"), tmp_path / "a", format="text", **options)
    assert {name: split.count for name, split in brought.card.splits.items()} == {
        "train": 6920, "validation": 872, "test": 1821,
    }  # fmt: skip
    assert brought.card.splits["test"].class_counts == (912, 909)
    assert 40 < brought.card.input.shape[0] < 64
    assert "2 examples of test are in train" in brought.warned("leak")[0]["message"]


def test_trec_is_read_after_a_pattern_and_in_its_own_encoding(tmp_path):
    names = {"0": "DESC", "1": "ENTY", "2": "ABBR", "3": "HUM", "4": "LOC", "5": "NUM"}
    options = {"task": "classification", "target": "label", "classes": names, "files": ["*.all"]}
    with pytest.raises(EngineError, match=r"TREC\.train\.all: line 66 has byte 0xf0 at place 53"):
        bring(real("trec"), tmp_path / "a", format="text", reading={"pattern": "{label} {text}"}, **options)
    reading = {"pattern": "{label} {text}", "encoding": "latin-1"}
    brought = bring(real("trec"), tmp_path / "b", format="text", reading=reading, max_length=32, **options)
    assert brought.card.splits["train"].class_counts == (1162, 1250, 86, 1223, 835, 896)
    assert brought.card.splits["test"].count == 500


def test_banking77_has_quoted_questions_and_77_classes(tmp_path):
    options = {"task": "classification", "target": "category", "files": ["*.csv"], "max_length": 64}
    brought = bring(real("banking77"), tmp_path / "a", format="text", **options)
    assert (brought.card.splits["train"].count, brought.card.splits["test"].count) == (10_003, 3080)
    assert brought.card.num_outputs == 77
    assert set(brought.card.splits["test"].class_counts) == {40}


def test_rte_is_brought_as_pairs(tmp_path):
    options = {"task": "classification", "text": "sentence1", "pair": "sentence2", "target": "label", "max_length": 128}
    brought = bring(real("rte-resplit"), tmp_path / "a", format="text", **options)
    counts = {name: split.count for name, split in brought.card.splits.items()}
    assert counts == {"train": 1244, "validation": 139, "test": 1384}
    assert brought.card.target.classes == ("entailment", "not_entailment")
    inputs = brought.split("train").inputs
    assert ((inputs == 3).sum(axis=1) == 2).all()


def test_agnews_is_read_by_place_with_titles_and_descriptions(tmp_path):
    classes = {"1": "World", "2": "Sports", "3": "Business", "4": "Sci/Tech"}
    options = {"task": "classification", "text": 1, "pair": 2, "target": 0, "classes": classes, "files": ["*.csv"]}
    tokenizer = {"train": {"kind": "bpe", "vocabulary": 2000}}
    brought = bring(real("agnews-7600"), tmp_path / "a", format="text", reading={"header": False}, tokenizer=tokenizer,
                    max_length=96, cut={"validation": 0.1}, **options)  # fmt: skip
    assert brought.card.splits["train"].class_counts == (1350, 1350, 1350, 1350)
    assert brought.card.target.classes == tuple(classes.values())
