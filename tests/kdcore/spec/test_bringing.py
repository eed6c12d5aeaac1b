"""Options of every format: strict, with defaults, and errors that name the field and the nearest names."""

import re
from pathlib import Path

import jsonschema
import pytest
import yaml

from kdcore.bring.datasets import READERS
from kdcore.spec import SpecError
from kdcore.spec.bringing import FORMATS, bringing_schema, parse_bringing

PICTURES = ["image-folder", "idx", "npz", "image-masks", "voc", "coco", "yolo"]
ROWS = ["table", "series", "text", "language", "generation"]


def problem(**data):
    with pytest.raises(SpecError) as caught:
        parse_bringing({"name": "x", **data})
    return caught.value.problems[0]


@pytest.mark.parametrize("name", PICTURES)
def test_a_format_needs_no_more_than_a_name(name):
    assert parse_bringing({"format": name, "name": "x"}).name == "x"


def test_every_format_has_a_reader_and_every_reader_a_format():
    assert set(FORMATS) == set(READERS)


def test_a_missing_or_unknown_format_is_named_with_the_nearest():
    assert (problem().pointer, problem().code) == ("/format", "missing_field")
    found = problem(format="imagefolder")
    assert found.code == "unknown_format"
    assert "image-folder" in found.message


@pytest.mark.parametrize(
    ("data", "pointer"),
    [
        ({"format": "image-folder", "sizes": {}}, "/sizes"),
        ({"format": "image-folder", "size": {"height": 2}}, "/size/height"),
        ({"format": "image-folder", "cut": {"test": 1.5}}, "/cut/test"),
        ({"format": "voc", "size": {"fit": "crop"}}, "/size/fit"),
        ({"format": "image-masks", "colors": [{"name": "a", "color": [1, 2, 300]}]}, "/colors/0/color/2"),
        ({"format": "npz", "test_inputs": "a"}, ""),
        ({"format": "npz", "kind": "tokens"}, ""),
        ({"format": "image-masks", "classes": ["a"], "colors": [{"name": "a", "color": [0, 0, 0]}]}, ""),
    ],
)
def test_a_fault_points_at_its_field(data, pointer):
    assert problem(**data).pointer == pointer


def test_the_schema_accepts_what_the_parser_accepts_and_refuses_what_it_refuses():
    schema = bringing_schema()
    jsonschema.validate({"format": "coco", "name": "x", "size": {"height": 64}}, schema)
    rows = {"format": "text", "name": "x", "task": "classification", "text": 0, "max_length": "auto"}
    jsonschema.validate({**rows, "target": 1, "classes": ["a", "b"]}, schema)
    jsonschema.validate({**rows, "target": ["a", "b"]}, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"format": "coco", "name": "x", "sizes": 1}, schema)


def test_every_example_of_the_documentation_is_valid():
    pages = (Path(__file__).parents[3] / "docs" / name for name in ("bringing.md", "bringing-rows.md"))
    text = "".join(page.read_text() for page in pages)
    examples = [yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)]
    assert {parse_bringing(example).name for example in examples}
    assert {example["format"] for example in examples} >= {*PICTURES, *ROWS}
