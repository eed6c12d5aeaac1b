"""``python -m kdcore.bring``: a dataset on this machine, and errors that say where."""

import pytest
from drawing import class_folders

from kdcore.bring.__main__ import main
from kdcore.data.pack import read_card


@pytest.fixture
def options(tmp_path):
    path = tmp_path / "options.yaml"
    path.write_text("format: image-folder\nname: mine\n")
    return path


def test_a_dataset_is_brought_and_described(tmp_path, options, capsys):
    source = class_folders(tmp_path / "in")
    assert main([str(options), str(source), "--out", str(tmp_path / "out")]) == 0
    assert read_card(tmp_path / "out").name == "mine"
    assert "2 classes" in capsys.readouterr().err


def test_wrong_options_are_named_by_field(tmp_path, options, capsys):
    options.write_text("format: image-folder\nname: mine\nsize: {heigth: 3}\n")
    assert main([str(options), str(tmp_path), "--out", str(tmp_path / "out")]) == 2
    said = capsys.readouterr().err
    assert "/size/heigth" in said
    assert "height" in said


@pytest.mark.parametrize("text", ["", "[", "format: nothing"])
def test_options_that_are_none_are_refused(tmp_path, options, text):
    options.write_text(text)
    assert main([str(options), str(tmp_path), "--out", str(tmp_path / "out")]) == 2


def test_a_refused_dataset_ends_with_one(tmp_path, options, capsys):
    (tmp_path / "in").mkdir()
    assert main([str(options), str(tmp_path / "in"), "--out", str(tmp_path / "out")]) == 1
    assert "invalid_data" in capsys.readouterr().err
