"""Uploads become one tree of names, and paths that strangers wrote are looked up in it, never on the disk."""

import zipfile

import pytest
from bringing import bring
from drawing import class_folders, draw

from kdcore.bring.caps import Caps
from kdcore.bring.findings import Findings
from kdcore.bring.source import open_source
from kdcore.bring.steps import Steps
from kdcore.errors import EngineError


def tree_of(source, scratch, caps=None):
    scratch.mkdir(exist_ok=True)
    return open_source(source, scratch, caps or Caps(), Findings(), Steps())


def zipped(path, files):
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        for name in files:
            archive.writestr(name, name)
    return path


def test_folders_around_everything_are_taken_off_but_not_those_that_say_something(tmp_path):
    tree = tree_of(zipped(tmp_path / "x.zip", ["data/v1/a/1", "data/v1/b/2"]), tmp_path / "scratch")
    assert tree.names == ("a/1", "b/2")
    assert tree.path("a/1").read_text() == "data/v1/a/1"
    tree = tree_of(zipped(tmp_path / "y.zip", ["data/train/a/1", "data/train/a/2"]), tmp_path / "scratch2")
    assert tree.names == ("train/a/1", "train/a/2")


def test_several_archives_keep_their_folder_or_get_their_name(tmp_path):
    zipped(tmp_path / "in" / "one.zip", ["train/1", "train/2"])
    zipped(tmp_path / "in" / "images.zip", ["1", "2"])
    (tmp_path / "in" / "labels.csv").write_text("x")
    tree = tree_of(tmp_path / "in", tmp_path / "scratch")
    assert tree.names == ("images/1", "images/2", "labels.csv", "train/1", "train/2")


def test_archives_that_hold_the_same_name_are_refused(tmp_path):
    for name in ("one", "two"):
        zipped(tmp_path / "in" / f"{name}.zip", ["train/1"])
    with pytest.raises(EngineError, match="comes from two archives"):
        tree_of(tmp_path / "in", tmp_path / "scratch")


@pytest.mark.parametrize("name", ["../../secret", "/etc/passwd", "a/../../secret", "", ".", "b/1", "1"])
def test_a_path_that_means_no_file_or_several_finds_none(tmp_path, name):
    (tmp_path / "secret").write_text("x")
    for folder in ("a", "c"):
        (tmp_path / "in" / folder).mkdir(parents=True)
        (tmp_path / "in" / folder / "1").write_text("x")
    assert tree_of(tmp_path / "in", tmp_path / "scratch").find(name) is None


@pytest.mark.parametrize("name", ["a/1", "./a/1", "a\\1", "/a//1", "deep/a/1"])
def test_a_path_is_found_however_it_is_spelt(tmp_path, name):
    (tmp_path / "in" / "deep" / "a").mkdir(parents=True)
    (tmp_path / "in" / "deep" / "a" / "1").write_text("x")
    (tmp_path / "in" / "other").write_text("x")
    assert tree_of(tmp_path / "in", tmp_path / "scratch").find(name) == "deep/a/1"


def test_nothing_at_all_is_refused(tmp_path):
    (tmp_path / "in").mkdir()
    with pytest.raises(EngineError, match="no files"):
        tree_of(tmp_path / "in", tmp_path / "scratch")


def test_a_name_that_is_not_utf_8_is_refused(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "caf\udce9.png").write_text("x")
    with pytest.raises(EngineError, match="not UTF-8"):
        tree_of(tmp_path / "in", tmp_path / "scratch")


def test_too_many_files_are_refused(tmp_path):
    with pytest.raises(EngineError, match="more than 3 files"):
        tree_of(class_folders(tmp_path / "in"), tmp_path / "scratch", Caps(members=3))


def test_pictures_in_a_zip_and_a_table_beside_it_are_one_dataset(tmp_path):
    for place in range(4):
        draw(tmp_path / "pictures" / f"{place}.png", place)
    (tmp_path / "in").mkdir()
    with zipfile.ZipFile(tmp_path / "in" / "shots.zip", "w") as archive:
        for path in (tmp_path / "pictures").iterdir():
            archive.write(path, path.name)
    rows = ["image,kind", *(f"shots/{place}.png,{'ab'[place % 2]}" for place in range(4))]
    (tmp_path / "in" / "list.csv").write_text("\n".join(rows))
    made = bring(tmp_path / "in", tmp_path / "out", format="image-csv", label="kind")
    assert made.split("train").names == [f"shots/{place}.png" for place in range(4)]
