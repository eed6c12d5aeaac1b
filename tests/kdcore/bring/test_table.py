"""Tables: numbers, categories and missing values become channels; what is no number is named by row and column."""

import json

import numpy as np
import pytest
from bringing import bring, real
from hypothesis import given
from hypothesis import strategies as st

from kdcore.bring.caps import Caps
from kdcore.errors import EngineError
from kdcore.spec import SpecError
from kdcore.spec.bringing import parse_bringing

FAULTS = [f"{name}_Fault" for name in ("Pastry", "Z_Scratch", "K_Scatch", "Stains", "Dirtiness", "Bumps")]


@pytest.fixture
def table(tmp_path):
    """Writes a CSV and brings it."""

    def make(text, name="x.csv", caps=None, **options):
        folder = tmp_path / "source"
        folder.mkdir(exist_ok=True)
        (folder / name).write_text(text)
        chosen = {"task": "classification", "target": "y", **options}
        return bring(folder, tmp_path / "pack", caps, format="table", **chosen)

    return make


def refused(table, text, **options):
    """The message and the pointer of a refusal."""
    with pytest.raises(EngineError) as caught:
        table(text, **options)
    assert caught.value.code == "invalid_data"
    return caught.value.message, caught.value.param


ROWS = "a,b,y\n" + "".join(f"{n},{n * n / 8},{'even' if n % 2 == 0 else 'odd'}\n" for n in range(24))


def test_a_row_becomes_its_numbers_and_its_class(table):
    brought = table(ROWS)
    train = brought.split("train")
    assert brought.card.input.channels == ("a", "b")
    assert brought.card.target.classes == ("even", "odd")
    assert np.array_equal(train.inputs[:3], np.array([[0, 0], [1, 0.125], [2, 0.5]], np.float32))
    assert train.targets[:3].tolist() == [0, 1, 0]
    assert list(train.names[:2]) == ["x.csv:2", "x.csv:3"]
    assert train.inputs.dtype == np.float32
    assert train.targets.dtype == np.int64


def test_classes_are_in_the_order_of_numbers_or_letters_or_as_stated(table, tmp_path):
    rows = "a,y\n" + "".join(f"{n},{value}\n" for n, value in enumerate(["10", "9.0", "2"] * 4))
    assert table(rows).card.target.classes == ("2", "9", "10")
    stated = {"9": "nine", "2": "two", "10": "ten"}
    brought = bring(
        tmp_path / "source", tmp_path / "stated", format="table", task="classification", target="y", classes=stated
    )
    assert brought.card.target.classes == ("nine", "two", "ten")
    assert brought.split("train").targets[:3].tolist() == [2, 0, 1]


def test_categories_become_columns_in_the_order_of_their_letters(table):
    rows = "colour,y\n" + "".join(f"{c},{y}\n" for c, y in zip(["red", "blue", "green"] * 8, "ab" * 12, strict=True))
    brought = table(rows, categorical=["colour"])
    assert brought.card.input.channels == ("colour=blue", "colour=green", "colour=red")
    assert brought.split("train").inputs[:3].tolist() == [[0, 0, 1], [1, 0, 0], [0, 1, 0]]
    features = json.loads((brought.folder / "features.json").read_text())
    assert features[0]["categories"] == ["blue", "green", "red"]


def test_missing_numbers_are_refused_by_row_and_column_or_filled_and_marked(table, tmp_path):
    rows = "a,b,y\n1,10,x\n,20,z\n3,30,x\nNA,40,z\n8,50,x\n"
    message, _ = refused(table, rows)
    assert "x.csv:3, column 'a': has no value" in message
    assert "and 1 more" in message
    for missing, fill in (("mean", 4), ("median", 3)):
        options = {"format": "table", "task": "classification", "target": "y", "missing": missing}
        brought = bring(tmp_path / "source", tmp_path / missing, **options)
        assert brought.card.input.channels == ("a", "a is missing", "b")
        assert brought.split("train").inputs[:2].tolist() == [[1, 0, 10], [fill, 1, 20]]


def test_missing_values_are_filled_from_the_training_split_alone(table):
    rows = "a,s,y\n" + "1,train,x\n3,train,z\n" * 3 + ",test,x\n100,test,z\n"
    brought = table(rows, missing="mean", split_column="s")
    assert brought.split("test").inputs.tolist() == [[2, 1], [100, 0]]


def test_a_category_that_only_the_test_split_has_is_warned_of(table):
    rows = "a,c,s,y\n" + "1,u,train,x\n3,v,train,z\n" * 3 + "5,w,test,x\n"
    brought = table(rows, categorical=["c"], split_column="s")
    assert brought.card.input.channels == ("a", "c=u", "c=v")
    assert brought.split("test").inputs.tolist() == [[5, 0, 0]]
    assert brought.warned("unseen_category")[0]["categories"] == ["w"]


@pytest.mark.parametrize(
    ("cell", "says"),
    [
        ('"1,234"', "is '1,234', which seems to have thousands separators: write it without them"),
        ('"1,5"', "write a point for the comma, or say reading.decimal: comma"),
        ("1 234 567", "thousands separators"),
        ("inf", "is inf: give a finite number"),
        ("1e39", "which 32 bits do not hold"),
        ("abc", "is 'abc', not a number"),
        ("1_0", "not a number"),
        ("٣", "not a number"),
    ],
)
def test_a_cell_that_is_no_number_is_named_with_the_remedy(table, cell, says):
    message, _ = refused(table, f"{ROWS}{cell},1,odd\n")
    assert message.startswith("x.csv:26, column 'a': ")
    assert says in message


def test_faulty_rows_are_left_out_where_that_is_asked_for(table):
    brought = table(f"{ROWS}abc,1,odd\n1,nan,odd\n1,2,\n1,2,3,4\n", quarantine=True)
    assert len(brought.split("train").targets) == 24
    assert brought.report["faults"]["by_code"] == {
        "no_number": 1,
        "missing_value": 1,
        "no_label": 1,
        "wrong_columns": 1,
    }
    items = sorted(fault["item"] for fault in brought.report["faults"]["listed"])
    assert items == ["x.csv:26, column 'a'", "x.csv:27, column 'b'", "x.csv:28", "x.csv:29"]


def test_decimal_commas_are_read_where_they_are_announced(table):
    brought = table("a;y\n1,5;x\n-2,25;z\n1,0;x\n", reading={"decimal": "comma", "delimiter": "semicolon"})
    assert brought.split("train").inputs[:, 0].tolist() == [1.5, -2.25, 1.0]


def test_points_among_decimal_commas_are_taken_for_thousands(table):
    message, _ = refused(table, "a;y\n1.234,5;x\n2;z\n", reading={"decimal": "comma", "delimiter": "semicolon"})
    assert "is '1.234,5', which seems to have thousands separators" in message


@pytest.mark.parametrize(
    ("text", "options", "says", "param"),
    [
        (ROWS, {"target": "z"}, "x.csv has no column 'z'; known: a, b, y", "/target"),
        (ROWS, {"features": ["a", "bb"]}, "has no column 'bb'; nearest: b", "/features"),
        (ROWS, {"drop": ["q"]}, "has no column 'q'", "/drop"),
        (ROWS, {"drop": ["a", "b"]}, "no column left to learn from", "/drop"),
        (ROWS, {"classes": ["even", "uneven"]}, "has label 'odd', which is not in classes", "/source"),
        ("a,y\n1,x\n2,x\n", {}, "there is one class only ('x')", "/source"),
        (ROWS, {"target": "a", "task": "classification", "features": ["b"]}, "more than 10 values", "/target"),
        (ROWS, {"categorical": ["a"], "most_categories": 5}, "'a' has more than 5 categories", "/most_categories"),
        ("a,c,d\n1,1,1\n2,0,1\n", {"target": ["c", "d"]}, "has 2 of the target columns at 1", "/source"),
        ("a,c,d\n1,1,x\n", {"target": ["c", "d"], "task": "multilabel"}, "has 'x' in 'd', where 0 or 1", "/source"),
        ("a,s,y\n1,trian,x\n", {"split_column": "s"}, "has 'trian' as split: write train", "/source"),
        ("a,y\n1,2\n2,\n", {"task": "regression"}, "has no value of 'y'", "/source"),
        ("a,y\n1,2\n2,2\n", {"task": "regression"}, "y has the same value in every training example", "/source"),
    ],
)  # fmt: skip
def test_what_nobody_could_learn_from_is_refused(table, text, options, says, param):
    message, pointer = refused(table, text, caps=Caps(classes=10), **options)
    assert says in message
    assert pointer == param


@pytest.mark.parametrize(
    ("options", "pointer"),
    [
        ({"target": "y", "features": ["y"]}, ""),
        ({"target": []}, "/target"),
        ({"target": "y", "reading": {"names": ["a"]}}, "/reading"),
        ({"target": "y", "fetures": ["a"]}, "/fetures"),
        ({"target": "y", "splits": {"test": ["a"]}}, ""),
    ],
)
def test_options_that_contradict_each_other_are_refused(options, pointer):
    with pytest.raises(SpecError) as caught:
        parse_bringing({"format": "table", "name": "x", "task": "classification", **options})
    assert caught.value.problems[0].pointer == pointer


def test_several_labels_lie_in_columns_or_in_one_column(table, tmp_path):
    rows = "a,c,d,l\n" + "1,1,0,c\n2,1,1,c|d\n3,0,0,\n" * 4
    brought = table(rows, task="multilabel", target=["c", "d"], drop="l")
    expected = [[1, 0], [1, 1], [0, 0]]
    assert brought.split("train").targets[:3].tolist() == expected
    options = {"format": "table", "task": "multilabel", "target": "l", "separator": "|", "features": "a"}
    brought = bring(tmp_path / "source", tmp_path / "joined", **options)
    assert brought.card.target.classes == ("c", "d")
    assert brought.split("train").targets[:3].tolist() == expected


def test_a_table_is_cut_by_group(table):
    rows = "a,g,y\n" + "".join(f"{n},plant {n // 6},{'xz'[n % 2]}\n" for n in range(60))
    brought = table(rows, group="g", cut={"test": 0.3})
    train, test = brought.split("train"), brought.split("test")
    assert brought.card.grouped
    assert brought.card.input.channels == ("a",)
    assert not set(train.groups.tolist()) & set(test.groups.tolist())


def test_the_same_rows_in_another_format_give_the_same_arrays(table, tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    expected = table(ROWS)
    cells = [line.split(",") for line in ROWS.splitlines()[1:]]
    columns = {"a": [int(c[0]) for c in cells], "b": [float(c[1]) for c in cells], "y": [c[2] for c in cells]}
    pq.write_table(pa.table(columns), tmp_path / "x.parquet")
    lines = [json.dumps(dict(zip("aby", row, strict=True))) for row in zip(*columns.values(), strict=True)]
    (tmp_path / "x.jsonl").write_text("\n".join(lines))
    for ending in ("parquet", "jsonl"):
        options = {"format": "table", "task": "classification", "target": "y"}
        brought = bring(tmp_path / f"x.{ending}", tmp_path / ending, **options)
        assert brought.card.sha256 == expected.card.sha256


@given(order=st.permutations(["a", "b", "c", "y"]))
def test_the_order_of_columns_does_not_matter_where_they_are_named(tmp_path_factory, order):
    folder = tmp_path_factory.mktemp("order")
    rows = [{"a": n, "b": n % 5, "c": "uvw"[n % 3], "y": "xz"[n % 2]} for n in range(12)]
    lines = [",".join(order), *(",".join(str(row[name]) for name in order) for row in rows)]
    (folder / "x.csv").write_text("\n".join(lines))
    options = {"task": "classification", "target": "y", "features": ["c", "a", "b"], "categorical": "c"}
    brought = bring(folder / "x.csv", folder / "pack", format="table", **options)
    assert brought.card.input.channels == ("c=u", "c=v", "c=w", "a", "b")
    assert brought.split("train").inputs[3].tolist() == [1, 0, 0, 3, 3]
    (folder / "y.csv").write_text("a,b,c,y\n" + "".join("{a},{b},{c},{y}\n".format(**row) for row in rows))
    assert bring(folder / "y.csv", folder / "named", format="table", **options).card.sha256 == brought.card.sha256


def test_steel_plates_are_brought_as_classes_labels_or_values(tmp_path):
    source, target = real("steel-plates-faults") / "SteelPlatesFaults.csv", [*FAULTS, "Other_Faults"]
    options = {"format": "table", "target": target, "cut": {"validation": 0.1, "test": 0.2}}
    brought = bring(source, tmp_path / "a", task="classification", **options)
    assert brought.card.input.shape == (27,)
    counts = [sum(split.class_counts[place] for split in brought.card.splits.values()) for place in range(7)]
    assert counts == [158, 190, 391, 72, 55, 402, 673]
    assert bring(source, tmp_path / "b", task="classification", **options).card.sha256 == brought.card.sha256
    labels = bring(source, tmp_path / "c", task="multilabel", **options)
    assert labels.split("test").targets.shape == (388, 7)
    values = bring(
        source, tmp_path / "d", format="table", task="regression", target="Steel_Plate_Thickness", drop=target
    )
    assert values.card.target.mean[0] == pytest.approx(78.737764)
    assert values.card.input.shape == (26,)
