"""A spec file means what its author reads in it, and every refusal names its line."""

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from distillery.errors import Problem
from distillery.service import example_spec
from distillery.specfile import SpecFileError, parse_spec_text, read_spec


def read(text: str) -> dict[str, object]:
    return parse_spec_text(text, "s.yaml").data


def test_words_that_yaml_1_1_takes_for_booleans_stay_words() -> None:
    assert read("terms: [{on: data, name: no, a: yes, b: off, c: true}]") == {
        "terms": [{"on": "data", "name": "no", "a": "yes", "b": "off", "c": True}]
    }


def test_numbers_are_read_as_people_write_them() -> None:
    found = read("{lr: 1e-3, a: 5., b: .5, c: -2, d: 010, e: 1_000, f: '3'}")
    assert found == {"lr": 0.001, "a": 5.0, "b": 0.5, "c": -2, "d": 10, "e": "1_000", "f": "3"}


def test_dates_and_times_stay_text() -> None:
    assert read("{a: 2024-01-01, b: 12:30}") == {"a": "2024-01-01", "b": "12:30"}


def test_merge_keys_and_anchors_work_and_own_keys_win() -> None:
    assert read("a: &a {x: 1, y: 2}\nb: {<<: *a, y: 3}")["b"] == {"x": 1, "y": 3}


def test_json_with_tabs_is_a_spec_too() -> None:
    assert read('{"a": 1,\n\t"b": "\\ud83d\\ude00"}') == {"a": 1, "b": "😀"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\nb:\n  c: 1\n  c: 2", "s.yaml:4: b.c: the key is given twice (first in line 3)"),
        ('{"a": 1, "a": 2}', "a: the key is given twice"),
        ("a:\n  !!python/object/apply:os.system [x]", "s.yaml:2: a: the tag"),
        ("- a", "a spec is a mapping"),
        ("", "this is empty"),
        ("x: 1\n1: x", "s.yaml:2: the key 1 is no text"),
        ("a: .nan", "a: '.nan' is no value"),
        ("a: .inf", "a: '.inf' is no value"),
        ("a: &x [*x]", "an anchor that contains itself"),
        ("a: [1", "s.yaml:1: expected ',' or ']'"),
        ("a: 1\n\tb: 2", "s.yaml:2: found character"),
        ("--- a\n--- b", "another document"),
        ('a: "\\ud800"', "is no value"),
        ("a: \x00", "special characters are not allowed"),
        ("[" * 3000, "nested too deeply"),
    ],
)
def test_what_cannot_be_sent_is_refused_with_its_place(text: str, message: str) -> None:
    with pytest.raises(SpecFileError) as refused:
        read(text)
    assert message in str(refused.value)


def test_a_problem_is_shown_at_the_line_of_its_field_or_of_the_nearest_one() -> None:
    spec = parse_spec_text("name: a\nstudent:\n  architecture: resnt8\n", "s.yaml")
    known = Problem("/student/architecture", "unknown_architecture", "no architecture 'resnt8'; nearest: resnet8")
    assert spec.explain(known) == "s.yaml:3: student.architecture: no architecture 'resnt8'; nearest: resnet8"
    assert spec.explain(Problem("/student/width/x", "c", "m")).startswith("s.yaml:2: ")
    assert spec.explain(Problem("/teacher", "missing", "is required")) == "s.yaml:1: teacher: is required"


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SpecFileError, match="there is no such file"):
        read_spec(tmp_path / "none.yaml")


def test_the_shipped_example_is_a_spec() -> None:
    assert read_spec(example_spec()).data["name"] == "digits-fitnet"


_json = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text("aé😀- :#\n'"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abno~/ ", min_size=1), inner, max_size=3),
    max_leaves=10,
)


@given(st.dictionaries(st.text("abcxyz", min_size=1), _json, max_size=4))
def test_whatever_yaml_writes_is_read_back_as_it_was(data: dict[str, object]) -> None:
    assert read(yaml.safe_dump(data, allow_unicode=True)) == data
