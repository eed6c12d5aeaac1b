"""Texts to continue and texts to write: blocks with the next tokens, sources with references."""

import json

import numpy as np
import pytest
from bringing import bring, real
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from kdcore.bring.caps import Caps
from kdcore.errors import EngineError
from kdcore.spec import SpecError
from kdcore.spec.bringing import parse_bringing

LETTERS = {"train": {"kind": "characters"}}
PAIRS = {"format": "generation", "tokenizer": LETTERS}


@pytest.fixture
def source(tmp_path):
    """Writes files into a folder."""

    def write(contents):
        folder = tmp_path / "source"
        folder.mkdir(exist_ok=True)
        for name, content in contents.items():
            (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
        return folder

    return write


@pytest.fixture
def out(tmp_path):
    """A new folder for a pack each time."""
    return lambda: tmp_path / f"pack{len(list(tmp_path.iterdir()))}"


def refused(folder, out, **options):
    with pytest.raises(EngineError) as caught:
        bring(folder, out, **options)
    assert caught.value.code == "invalid_data"
    return caught.value.message, caught.value.param


def decoded(brought, ids):
    tokenizer = Tokenizer.from_file(str(brought.folder / "tokenizer.json"))
    return tokenizer.decode([number for number in ids if number >= 0], skip_special_tokens=True)


def records(brought, split):
    return [json.loads(line) for line in (brought.folder / split / "references.jsonl").read_text().splitlines()]


def test_a_text_becomes_blocks_with_the_next_tokens(source, out):
    text = "abcdefghijklmnopqrstuvwxyz\n" * 2
    brought = bring(source({"a.txt": text}), out(), format="language", tokenizer=LETTERS, block=8)
    train = brought.split("train")
    assert brought.card.input.special == {"padding": 0, "unknown": 1, "begin": 2, "end": 3}
    assert train.inputs.shape == train.targets.shape == (6, 8)
    assert "".join(decoded(brought, row) for row in train.inputs) == text[:48]
    assert np.array_equal(train.inputs[:, 1:], train.targets[:, :-1])
    assert train.targets[:-1, -1].tolist() == train.inputs[1:, 0].tolist()
    assert list(train.names[:2]) == ["train, tokens 0 to 7", "train, tokens 8 to 15"]


def test_splits_of_a_text_are_cut_by_position_and_files_end_with_a_token(source, out):
    folder = source({"a.txt": "a" * 60, "b.txt": "b" * 40})
    cut = {"validation": 0.2, "test": 0.1}
    brought = bring(folder, out(), format="language", tokenizer=LETTERS, block=8, cut=cut)
    counts = {name: split.count for name, split in brought.card.splits.items()}
    assert counts == {"train": 8, "validation": 2, "test": 1}
    written = decoded(brought, brought.split("train").inputs.reshape(-1))
    assert written == "a" * 60 + "b" * 3  # and the end of the first file
    assert brought.split("train").inputs.reshape(-1).tolist().count(3) == 1


@settings(max_examples=30)
@given(st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=40))
def test_blocks_of_bytes_lose_nothing_but_the_end(tmp_path_factory, text):
    folder = tmp_path_factory.mktemp("text")
    (folder / "a.txt").write_bytes(text.encode())
    tokenizer = {"train": {"kind": "bpe", "vocabulary": 16}}  # bytes alone
    brought = bring(folder / "a.txt", folder / "pack", format="language", tokenizer=tokenizer, block=8)
    assert brought.card.input.vocabulary == 4 + 256
    ids = brought.split("train").inputs.reshape(-1).tolist()
    assert len(ids) > len(text.encode()) - 8
    assert text.startswith(decoded(brought, ids).rstrip("\ufffd"))


@pytest.mark.parametrize(
    ("contents", "options", "says", "param"),
    [
        ({"a.txt": "short"}, {}, "train has 6 tokens where a block needs 9", "/block"),
        ({"a.txt": "x" * 90}, {"cut": {"test": 0.05}}, "test has 5 tokens where a block needs 9", "/block"),
        ({"a.txt": b"caf\xe9" * 9}, {}, "a.txt: line 1 has byte 0xe9 at place 4", "/source"),
        ({"a.txt": b"ab\0c" * 9}, {}, "line 1 has a zero byte", "/source"),
        ({"a.txt": ""}, {}, "a.txt: has no text", "/source"),
        ({"a.csv": "x", "b.csv": "y"}, {}, "name them in files or splits", "/files"),
    ],
)
def test_texts_that_make_no_blocks_are_refused(source, out, contents, options, says, param):
    chosen = {"format": "language", "tokenizer": LETTERS, "block": 8, **options}
    message, pointer = refused(source(contents), out(), **chosen)
    assert says in message
    assert pointer == param


QR = {"parallel": {"train": {"source": "q", "target": "r"}}}


def jsonl(rows):
    return "\n".join(json.dumps({"source": one, "target": two}) for one, two in rows) + "\n"


def test_an_encoder_decoder_gets_its_source_and_what_was_written_so_far(source, out):
    folder = source({"x.jsonl": jsonl([("ab", "xyz"), ("abcde", "x")])})
    brought = bring(folder, out(), source_length=4, target_length=5, **PAIRS)
    card, train = brought.card.input, brought.split("train")
    number = Tokenizer.from_file(str(brought.folder / "tokenizer.json")).token_to_id
    a, b, c, x, y, z = map(number, "abcxyz")
    assert (card.source_length, card.shape, brought.card.target.ignored) == (4, (9,), -100)
    begin, end = card.special["begin"], card.special["end"]
    assert train.inputs.tolist() == [[a, b, end, 0, begin, x, y, z, 0], [a, b, c, end, begin, x, 0, 0, 0]]
    assert train.targets.tolist() == [[x, y, z, end, -100], [x, end, -100, -100, -100]]
    assert brought.warned("cut_texts")[0]["examples"] == 1


def test_a_causal_network_learns_the_completion_alone(source, out):
    folder = source({"x.jsonl": jsonl([("ab", "xyz"), ("a", "x")])})
    brought = bring(folder, out(), layout="causal", source_length=4, target_length=4, **PAIRS)
    card, train = brought.card.input, brought.split("train")
    number = Tokenizer.from_file(str(brought.folder / "tokenizer.json")).token_to_id
    a, b, x, y, z = map(number, "abxyz")
    begin, end, separator = (card.special[role] for role in ("begin", "end", "separator"))
    assert card.source_length is None
    assert train.inputs.tolist() == [[begin, a, b, separator, x, y, z], [begin, a, separator, x, 0, 0, 0]]
    assert train.targets.tolist() == [[-100, -100, -100, x, y, z, end], [-100, -100, x, end, -100, -100, -100]]


def test_evaluation_has_a_row_for_each_source_with_all_its_references(source, out):
    rows = [("one", "a"), ("one", "b"), ("two", "c"), ("one", "d")]
    folder = source({"train.jsonl": jsonl(rows), "test.jsonl": jsonl(rows)})
    brought = bring(folder, out(), **PAIRS)
    assert (brought.card.splits["train"].count, brought.card.splits["test"].count) == (4, 2)
    assert records(brought, "test") == [
        {"source": "one", "references": ["a", "b", "d"]},
        {"source": "two", "references": ["c"]},
    ]
    assert [record["references"] for record in records(brought, "train")] == [["a"], ["b"], ["c"], ["d"]]
    assert brought.warned("leak")[0]["message"].startswith("2 sources of test are in train")


def test_no_source_is_cut_into_two_splits(source, out):
    rows = [(f"source {n % 30}", f"text {n}") for n in range(120)]
    brought = bring(source({"x.jsonl": jsonl(rows)}), out(), cut={"test": 0.3}, **PAIRS)
    sources = {split: {record["source"] for record in records(brought, split)} for split in brought.card.splits}
    assert not sources["train"] & sources["test"]
    assert brought.card.splits["test"].count == len(sources["test"])
    assert all(len(record["references"]) == 4 for record in records(brought, "test"))


def test_two_files_go_line_by_line(source, out):
    contents = {"s.txt": "one\ntwo\n", "t.txt": "a\nb\n"}
    parallel = {"train": {"source": "s.txt", "target": "t.txt"}}
    brought = bring(source(contents), out(), parallel=parallel, **PAIRS)
    assert records(brought, "train")[1] == {"source": "two", "references": ["b"]}
    contents["t.txt"] = "a\n"
    assert "t.txt has 1 lines and s.txt has more" in refused(source(contents), out(), parallel=parallel, **PAIRS)[0]


@pytest.mark.parametrize(
    ("contents", "options", "says", "param"),
    [
        ({"x.jsonl": jsonl([("a", "b"), ("", "c")])}, {}, "x.jsonl:2: has no source", "/source"),
        ({"x.jsonl": jsonl([("a", [])])}, {}, "x.jsonl:1: has no text to be written", "/source"),
        ({"x.jsonl": jsonl([("a", "b")])}, {"target": "tgt"}, "has no column 'tgt'", "/target"),
        ({"x.json": "[1, 2]"}, {}, "x.json:1: is a int, not a JSON object", "/source"),
        ({"x.json": "{}"}, {}, "is no JSON list of objects", "/source"),
        ({"x.json": "[{"}, {}, "is no JSON", "/source"),
        ({"x.jsonl": jsonl([("a", "b")])}, QR, "no file is called 'q'", "/parallel/train/source"),
    ],
)  # fmt: skip
def test_pairs_that_lack_something_are_named(source, out, contents, options, says, param):
    message, pointer = refused(source(contents), out(), **PAIRS, **options)
    assert says in message
    assert pointer == param


def test_pairs_beyond_the_caps_are_refused(source, out):
    folder = source({"x.jsonl": jsonl([(f"s{n}", f"t{n}") for n in range(50)])})
    assert "more than 20 examples" in refused(folder, out(), caps=Caps(examples=20), **PAIRS)[0]
    assert "the operator's cap" in refused(folder, out(), caps=Caps(pack_bytes=200), **PAIRS)[0]


@pytest.mark.parametrize(
    "options",
    [
        {"source": "x", "target": "x"},
        {"parallel": {"test": {"source": "a", "target": "b"}}},
        {"parallel": {"train": {"source": "a", "target": "b"}}, "files": ["c"]},
        {"source_length": 2},
    ],
)
def test_options_that_contradict_each_other_are_refused(options):
    with pytest.raises(SpecError):
        parse_bringing({"format": "generation", "name": "x", **options})


def test_shakespeare_is_brought_by_characters(tmp_path):
    options = {"tokenizer": LETTERS, "block": 128, "cut": {"validation": 0.1}, "files": ["input.txt"]}
    brought = bring(real("tinyshakespeare"), tmp_path / "a", format="language", **options)
    assert brought.card.input.vocabulary == 65 + 4
    assert brought.card.splits["train"].count == (1_115_394 - 111_539 - 1) // 128
    assert decoded(brought, brought.split("train").inputs[0]).startswith("First Citizen:\nBefore we proceed")


@pytest.mark.slow
def test_commongen_has_992_concept_sets_to_evaluate_with_all_their_sentences(tmp_path):
    files = {"train": "train", "test": "dev"}
    parallel = {
        split: {"source": f"commongen.{name}.src_alpha.txt", "target": f"commongen.{name}.tgt.txt"}
        for split, name in files.items()
    }
    tokenizer = {"train": {"kind": "bpe", "vocabulary": 1000}}
    brought = bring(real("commongen"), tmp_path / "a", format="generation", parallel=parallel, tokenizer=tokenizer)
    assert brought.card.splits["train"].count == 39_069
    found = records(brought, "test")
    assert sum(len(record["references"]) for record in found) == 4018
    assert len({" ".join(sorted(record["source"].split())) for record in found}) == 992


def test_dart_triples_are_written_as_text_for_one_network(tmp_path):
    options = {
        "text": "tripleset",
        "target": "annotations.text",
        "splits": {"train": ["*dev*.json"], "test": ["*test*.json"]},
        "tokenizer": {"train": {"kind": "bpe", "vocabulary": 1000}},
    }
    brought = bring(real("dart-no-e2e"), tmp_path / "a", format="generation", layout="causal", **options)
    assert brought.card.splits["train"].count == 2690
    found = records(brought, "test")
    assert sum(len(record["references"]) for record in found) == 7861
    assert len(found) == 2362  # of 3,253 entries, whose triples repeat each other
    assert found[0]["source"].startswith(
        "Hawaii Five-O | NOTES | Episode: The Flight of the Jewels ; [TABLECONTEXT] | "
    )
