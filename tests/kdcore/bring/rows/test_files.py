"""Rows of files: what is certain is read, what is not is refused by file, line and byte."""

import csv
import json
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kdcore.bring.caps import Caps
from kdcore.bring.findings import Findings
from kdcore.bring.rows.files import RowsFile, rows_files
from kdcore.bring.tree import Tree, plain_files
from kdcore.errors import EngineError
from kdcore.spec.bringing.rows import RowsBringing, RowsReading

CAPS = Caps()


def rows(path, caps=CAPS, **reading):
    """All rows of a file as dictionaries, and what was found."""
    findings = Findings()
    chunks = list(RowsFile(path, path.name).chunks(RowsReading(**reading), caps, findings))
    found = [
        dict(zip(c.columns, cells, strict=True)) for c in chunks for cells in zip(*c.columns.values(), strict=True)
    ]
    return found, findings


def tree(folder):
    return Tree.of(plain_files(folder), folder.joinpath)


def fault(path, caps=CAPS, **reading):
    """The first fault of a file: its item, code and message."""
    findings = rows(path, caps, **reading)[1]
    assert findings.faults, "no fault was found"
    return tuple(findings.faults[0].values())


@pytest.fixture
def file(tmp_path):
    def write(name, content):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("a,b\n1,2\n3,4\n", [{"a": "1", "b": "2"}, {"a": "3", "b": "4"}]),
        ("a;b\r\n1.5;2\r\n", [{"a": "1.5", "b": "2"}]),
        ("a\tb\n1\t2\n", [{"a": "1", "b": "2"}]),
        ("a|b\n1|2\n", [{"a": "1", "b": "2"}]),
        ('a,b\n"one, ""two""",x\n"lines\nmore",y\n', [{"a": 'one, "two"', "b": "x"}, {"a": "lines\nmore", "b": "y"}]),
        ("only\nx\ny\n", [{"only": "x"}, {"only": "y"}]),
    ],
)  # fmt: skip
def test_a_delimiter_is_found_where_there_is_one_way_to_read_the_file(file, content, expected):
    found, findings = rows(file("x.csv", content))
    assert (found, findings.faults) == (expected, [])


def test_an_unclear_delimiter_is_refused_with_both_readings(file):
    item, code, message = fault(file("x.csv", "a,b;c\n1,5;2\n"))
    assert (item, code) == ("x.csv", "unclear_delimiter")
    assert "comma or semicolon" in message
    assert rows(file("x.csv", "a,b;c\n1,5;2\n"), delimiter="semicolon")[0] == [{"a,b": "1,5", "c": "2"}]


def test_lines_of_numbers_between_spaces_are_rows(file):
    found, findings = rows(file("train.txt", "1 1 0.5  \n1 2 0.7  \n"), header=False, names=["unit", "cycle", "s1"])
    assert found == [{"unit": "1", "cycle": "1", "s1": "0.5"}, {"unit": "1", "cycle": "2", "s1": "0.7"}]
    assert not findings.faults


def test_a_row_of_another_width_is_a_fault_of_its_line(file):
    lines = "".join(f"{n},{n}\n" for n in range(20))
    found, findings = rows(file("x.csv", f"a,b\n{lines}1,2,3\n5,6\n"))
    assert len(found) == 21
    assert [fault["item"] for fault in findings.faults] == ["x.csv:22"]


@pytest.mark.parametrize(
    ("content", "reading", "says"),
    [
        (b"a,b\nx,caf\xe9\n", {}, "line 2 has byte 0xe9 at place 6, which is no UTF-8"),
        (pickle.dumps({"a": 1}, protocol=4), {}, "byte 0x80 at place 1"),
        ("a,b\nx,café\n".encode(), {"encoding": "latin-1"}, "is UTF-8, not latin-1: line 2"),
        ("a,b\nx,“y”\n".encode("cp1252"), {"encoding": "latin-1"}, "say encoding: cp1252"),
        ("a,b\nx,y\n".encode("utf-16"), {"encoding": "utf-8"}, "say encoding: utf-16"),
        ("a,b\nx,y\n".encode("utf-16-le"), {}, "zero byte"),
        ("a,b\nx,y\n".encode("utf-16")[:-1], {}, "cut short"),
        ("a,b\nx,y\n".encode("utf-32"), {}, "UTF-32"),
        (b"a,b\nx,\x81\n", {"encoding": "cp1252"}, "byte 0x81"),
    ],
)
def test_a_mislabelled_encoding_is_refused_by_line_and_byte(file, content, reading, says):
    item, _, message = fault(file("x.csv", content), **reading)
    assert item == "x.csv"
    assert says in message


@pytest.mark.parametrize(
    ("encoding", "text"), [("latin-1", "café"), ("cp1252", "“é”"), ("utf-16", "日本"), ("shift_jis", "日本")]
)
def test_stated_encodings_are_read(file, encoding, text):
    assert rows(file("x.csv", f"a,b\n1,{text}\n".encode(encoding)), encoding=encoding)[0] == [{"a": "1", "b": text}]


def test_marks_of_utf8_and_utf16_are_taken(file):
    for encoding in ("utf-8-sig", "utf-16"):
        assert rows(file("x.csv", "a,b\n1,é\n".encode(encoding)))[0] == [{"a": "1", "b": "é"}]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ("", "empty"),
        ("\n\n", "empty"),
        ("1,2\n3,4\n", "no_header"),
        ("a,a\n1,2\n", "duplicate_columns"),
        ('a,b\n1,"x\n2,y\n', "bad_quotes"),
        ("a,b\n1," + "x" * 300 + "\n", "line_too_long"),
        ('a,b\n1,"' + "x\n" * 150 + '"\n', "row_too_long"),
        (",".join(f"c{n}" for n in range(12)) + "\n" + ",".join("1" * 12) + "\n", "too_many_columns"),
    ],
)
def test_what_is_no_table_is_refused_with_a_reason(file, content, code):
    assert fault(file("x.csv", content), Caps(line_bytes=200, columns=10), delimiter="comma")[1] == code


def test_a_quotation_mark_between_tabs_is_a_letter(file):
    assert rows(file("x.tsv", 'text\tlabel\n"no end\t1\n'))[0] == [{"text": '"no end', "label": "1"}]


def test_lines_follow_a_pattern_or_are_faults(file):
    path = file("x.all", "1 What is it ?\nnothing\n0 How : well\n")
    found, findings = rows(path, pattern="{label} {text}")
    assert found == [{"label": "1", "text": "What is it ?"}, {"label": "0", "text": "How : well"}]
    assert [f["item"] for f in findings.faults] == ["x.all:2"]
    assert fault(path, pattern="{label}{text}")[1] == "wrong_pattern"


def test_objects_are_read_a_line_or_as_one_list(file):
    objects = [{"a": 1, "b": "x"}, {"a": None}]
    expected = [{"a": 1, "b": "x"}, {"a": None, "b": None}]
    assert rows(file("x.jsonl", "\n".join(map(json.dumps, objects))))[0] == expected
    assert rows(file("x.json", json.dumps(objects)))[0] == expected


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ('{"a": 1', "no_json"),
        ("[1]", "no_object"),
        ('{"a": 1, "z": 2}', "wrong_columns"),
        ("[" * 100_000, "no_json"),
        ('{"a": ' + "9" * 5000 + "}", "no_json"),
    ],
)
def test_a_line_that_is_no_object_of_the_first_ones_kind_is_a_fault(file, line, code):
    item, found, _ = fault(file("x.jsonl", f'{{"a": 1}}\n{line}\n'))
    assert (item, found) == ("x.jsonl:2", code)


def test_files_are_splits_where_all_their_names_say_so(tmp_path):
    for name in ("train.tsv", "dev.tsv", "TEST.tsv"):
        (tmp_path / name).touch()
    found = rows_files(tree(tmp_path), RowsBringing(name="x"))
    assert {file.name: file.split for file in found} == {
        "train.tsv": "train",
        "dev.tsv": "validation",
        "TEST.tsv": "test",
    }
    (tmp_path / "more.tsv").touch()
    assert {file.split for file in rows_files(tree(tmp_path), RowsBringing(name="x"))} == {None}


def test_an_upload_of_several_kinds_asks_which_files_are_meant(tmp_path):
    for name in ("train.tsv", "notes.csv"):
        (tmp_path / name).touch()
    with pytest.raises(EngineError, match="name them in files or splits") as caught:
        rows_files(tree(tmp_path), RowsBringing(name="x"))
    assert caught.value.param == "/files"
    with pytest.raises(EngineError, match=r"no file is called 'tset\.tsv'") as caught:
        rows_files(tree(tmp_path), RowsBringing(name="x", splits={"train": ["train.tsv"], "test": ["tset.tsv"]}))
    assert caught.value.param == "/splits/test"


def test_links_in_an_upload_are_not_followed(tmp_path):
    (tmp_path / "real.csv").write_text("a,b\n1,2\n")
    (tmp_path / "link.csv").symlink_to("/etc/passwd")
    assert [file.name for file in rows_files(tree(tmp_path), RowsBringing(name="x"))] == ["real.csv"]


@given(
    st.lists(
        st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0")), min_size=2, max_size=2),
        min_size=1,
        max_size=5,
    )
)
def test_what_a_csv_writer_writes_is_read_back(tmp_path_factory, cells):
    path = tmp_path_factory.mktemp("round") / "x.csv"
    with path.open("w", encoding="utf-8", newline="") as text:
        csv.writer(text).writerows([["a", "b"], *cells])
    found, findings = rows(path, delimiter="comma")
    assert not findings.faults
    assert [list(row.values()) for row in found] == cells
