"""Tables of paths: one class, several labels or numbers, with splits and groups; rows that cannot be used are named."""

import numpy as np
import pytest
from bringing import bring
from drawing import draw

from kdcore.errors import EngineError
from kdcore.spec import SpecError
from kdcore.spec.bringing import parse_bringing


@pytest.fixture
def table(tmp_path):
    """Writes a CSV beside ten pictures and brings them."""
    for place in range(10):
        draw(tmp_path / "in" / "shots" / f"{place}.png", place)

    def make(rows, quarantine=False, **options):
        (tmp_path / "in" / "list.csv").write_text("\n".join(rows) + "\n")
        return bring(tmp_path / "in", tmp_path / "out", format="image-csv", quarantine=quarantine, **options)

    return make


def refused(table, rows, **options):
    with pytest.raises(EngineError) as caught:
        table(rows, **options)
    assert caught.value.code == "invalid_data"
    return caught.value


def test_a_column_of_classes_makes_a_classification(table):
    rows = ["image,kind", *(f"shots/{place}.png,{'ab'[place % 2]}" for place in range(10))]
    made = table(rows, label="kind")
    assert made.card.task == "classification"
    assert made.card.target.classes == ("a", "b")
    assert made.split("train").targets.tolist() == [0, 1] * 5
    assert made.split("train").names[3] == "shots/3.png"


def test_paths_may_be_relative_to_a_folder_or_name_a_picture_that_is_the_only_one(table):
    rows = ["file,kind", "0.png,a", "1.png,b", "2.png,a"]
    assert table(rows, label="kind", image="file", folder="shots").card.splits["train"].count == 3


def test_a_column_of_several_labels_makes_a_multilabel_task(table):
    rows = ["image,tags", "0.png,red|big", "1.png,red", "2.png,", "3.png,small"]
    made = table(rows, label="tags", separator="|")
    assert made.card.task == "multilabel"
    assert made.card.target.classes == ("big", "red", "small")
    assert made.split("train").targets.tolist() == [[1, 1, 0], [0, 1, 0], [0, 0, 0], [0, 0, 1]]


def test_columns_of_switches_make_a_multilabel_task(table):
    rows = ["image,red,big", "0.png,1,0", "1.png,0,1", "2.png,1,1"]
    made = table(rows, labels=["red", "big"])
    assert made.card.task == "multilabel"
    assert made.split("train").targets.tolist() == [[1, 0], [0, 1], [1, 1]]
    assert made.card.splits["train"].class_counts == (2, 2)


def test_columns_of_numbers_make_a_regression_with_its_moments(table):
    rows = ["image,depth", *(f"{place}.png,{place}.5" for place in range(10))]
    made = table(rows, values=["depth"])
    assert made.card.task == "regression"
    assert made.card.target.mean == (5.0,)
    assert made.card.target.std == pytest.approx((np.arange(10).std(),))
    assert made.split("train").targets.shape == (10, 1)


def test_splits_and_groups_come_from_columns(table):
    rows = [
        "image,kind,part,who",
        *(f"{n}.png,{'ab'[n % 2]},{'train' if n < 6 else 'Val'},{n // 2}" for n in range(10)),
    ]
    made = table(rows, label="kind", split="part", group="who")
    assert {name: (split.count, split.groups) for name, split in made.card.splits.items()} == {
        "train": (6, 3),
        "validation": (4, 2),
    }
    assert made.split("validation").groups.tolist() == [3, 3, 4, 4]


def test_a_group_in_two_given_splits_is_refused(table):
    rows = ["image,kind,part,who", "0.png,a,train,x", "1.png,b,train,y", "2.png,a,test,x"]
    assert "share 1 groups" in refused(table, rows, label="kind", split="part", group="who").message


@pytest.mark.parametrize(
    ("row", "code"),
    [
        ("gone.png,a", "no_picture"),
        ("../../secret.png,a", "no_picture"),
        ("/etc/passwd,a", "no_picture"),
        (",a", "no_picture"),
        ("3.png,", "no_label"),
        ("0.png,a", "named_twice"),
        ("list.csv,a", "not_a_picture"),
        ("3.png,a,b", "wrong_columns"),
    ],
)
def test_a_row_that_cannot_be_used_is_a_fault_with_its_line(table, row, code):
    rows = ["image,kind", "0.png,a", "1.png,b", "2.png,a", row]
    options = {"label": "kind", "reading": {"delimiter": "comma"}}
    assert "list.csv" in refused(table, rows, **options).message
    made = table(rows, quarantine=True, **options)
    assert made.card.splits["train"].count == 3
    assert made.report["faults"]["by_code"] == {code: 1}


@pytest.mark.parametrize(
    ("cell", "options", "code"),
    [
        ("2", {"labels": ["y"]}, "wrong_label"),
        ("nan", {"values": ["y"]}, "no_label"),
        ("inf", {"values": ["y"]}, "wrong_label"),
        ("much", {"values": ["y"]}, "wrong_label"),
        ("c", {"label": "y", "classes": ["0", "1"]}, "wrong_label"),
    ],
)
def test_a_wrong_label_is_a_fault_with_its_line(table, cell, options, code):
    rows = ["image,y", "0.png,0", "1.png,1", "2.png,0", "3.png,1", f"4.png,{cell}"]
    made = table(rows, quarantine=True, **options)
    assert made.card.splits["train"].count == 4
    assert made.report["faults"]["by_code"] == {code: 1}
    assert made.report["faults"]["listed"][0]["item"] == "list.csv:6"


def test_a_column_that_is_not_there_is_refused_at_its_option(table):
    error = refused(table, ["image,kind", "0.png,a"], label="kin")
    assert error.param == "/label"
    assert "kind" in error.message


@pytest.mark.parametrize("options", [{}, {"label": "a", "values": ["b"]}, {"labels": ["a"], "separator": ","}])
def test_options_that_ask_for_two_things_or_none_are_refused(options):
    with pytest.raises(SpecError):
        parse_bringing({"name": "x", "format": "image-csv", **options})
