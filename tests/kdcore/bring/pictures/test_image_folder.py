"""Class folders: names become classes and splits, and what does not belong there is named."""

import tarfile

import numpy as np
import pytest
from bringing import bring, real
from drawing import class_folders, draw, noise

from kdcore.bring.caps import Caps
from kdcore.bring.pictures.folders import split_named
from kdcore.errors import EngineError


def refused(source, out, **options):
    with pytest.raises(EngineError) as caught:
        bring(source, out, format="image-folder", **options)
    assert caught.value.code == "invalid_data"
    return caught.value.message


def test_classes_are_folders_in_the_order_of_their_names(tmp_path):
    made = bring(class_folders(tmp_path / "in", "ba"), tmp_path / "out", format="image-folder")
    assert made.card.target.classes == ("a", "b")
    assert made.card.input.shape == (3, 10, 12)
    split = made.split("train")
    assert split.targets.tolist() == [0] * 4 + [1] * 4
    assert split.names[0] == "a/0.png"
    assert np.array_equal(split.inputs[4], np.moveaxis(np.asarray(noise(0)), -1, 0))


def test_folders_above_classes_are_splits_and_folders_around_everything_are_not(tmp_path):
    for number, name in enumerate(("train", "Validation", "TEST")):
        class_folders(tmp_path / "in" / "download" / "data" / name, "ab", 2 + number)
    made = bring(tmp_path / "in", tmp_path / "out", format="image-folder")
    assert {name: split.count for name, split in made.card.splits.items()} == {"train": 4, "validation": 6, "test": 8}


@pytest.mark.parametrize(
    ("name", "split"),
    [("train2017", "train"), ("VAL", "validation"), ("valid", "validation"), ("testing", "test"), ("trained", None)],
)
def test_a_folder_says_a_split_by_its_name(name, split):
    assert split_named(name) == split


def test_grey_pictures_get_one_channel_unless_colours_are_asked_for(tmp_path):
    source = class_folders(tmp_path / "in", mode="L")
    assert bring(source, tmp_path / "one", format="image-folder").card.input.shape == (1, 10, 12)
    colored = bring(source, tmp_path / "two", format="image-folder", size={"color": "rgb"})
    assert colored.card.input.channels == ("red", "green", "blue")


def test_a_truncated_picture_is_named_and_quarantined_when_asked_for(tmp_path):
    source = class_folders(tmp_path / "in")
    broken = source / "a" / "1.png"
    broken.write_bytes(broken.read_bytes()[:60])
    (source / "b" / "notes.txt").write_text("not a picture")
    message = refused(source, tmp_path / "out")
    assert message.startswith("b/notes.txt: it is no picture")
    assert "and 1 more" in message
    made = bring(source, tmp_path / "out", format="image-folder", quarantine=True)
    assert made.card.splits["train"].count == 7
    assert {fault["item"] for fault in made.report["faults"]["listed"]} == {"a/1.png", "b/notes.txt"}
    assert "a/1.png" not in made.split("train").names


def test_one_class_alone_is_refused(tmp_path):
    assert "two classes at least" in refused(class_folders(tmp_path / "in", "a"), tmp_path / "out")
    class_folders(tmp_path / "both" / "train", "a")
    class_folders(tmp_path / "both" / "test", "a")
    assert "one class only ('a')" in refused(tmp_path / "both", tmp_path / "out")


def test_a_class_without_training_pictures_is_refused(tmp_path):
    class_folders(tmp_path / "in" / "train", "ab")
    class_folders(tmp_path / "in" / "test", "abc")
    assert "no training examples: 'c'" in refused(tmp_path / "in", tmp_path / "out")


def test_class_folders_beside_splits_are_refused(tmp_path):
    class_folders(tmp_path / "in" / "train")
    draw(tmp_path / "in" / "cats" / "1.png", 1)
    assert "'cats' lies beside 'train'" in refused(tmp_path / "in", tmp_path / "out")


@pytest.mark.parametrize("files", [[], ["notes.txt"]])
def test_a_source_without_pictures_is_refused(tmp_path, files):
    (tmp_path / "in").mkdir()
    for name in files:
        (tmp_path / "in" / name).write_text("x")
    assert refused(tmp_path / "in", tmp_path / "out")


def test_more_examples_than_allowed_are_refused(tmp_path):
    with pytest.raises(EngineError, match="8 examples, allowed are 5"):
        bring(class_folders(tmp_path / "in"), tmp_path / "out", Caps(examples=5), format="image-folder")


def test_links_in_a_folder_are_not_followed(tmp_path):
    source = class_folders(tmp_path / "in")
    (source / "a" / "link.png").symlink_to(draw(tmp_path / "secret.png", 1))
    (source / "c").symlink_to(class_folders(tmp_path / "others"))
    assert bring(source, tmp_path / "out", format="image-folder").card.splits["train"].count == 8


@pytest.mark.slow
def test_the_sign_language_digits_are_read_as_their_readme_says(tmp_path):
    made = bring(
        real("sign-language-digits"),
        tmp_path / "out",
        format="image-folder",
        size={"height": 32},
        cut={"validation": 0.1},
    )
    assert made.card.target.classes == tuple("0123456789")
    counts = {name: split.class_counts for name, split in made.card.splits.items()}
    assert counts == {"train": (54,) * 10, "validation": (6,) * 10, "test": (20,) * 10}


def test_two_archives_of_real_pictures_become_two_splits(tmp_path):
    (tmp_path / "in").mkdir()
    with tarfile.open(real("cifar10-jpeg") / "test.tar.gz") as whole:
        members = [member for member in whole if member.isfile() and int(member.name[-8:-4]) < 8]
        for split, wanted in (("train", range(6)), ("test", range(6, 8))):
            with tarfile.open(tmp_path / "in" / f"{split}.tar.gz", "w:gz") as part:
                for member in members:
                    if int(member.name[-8:-4]) in wanted:
                        data = whole.extractfile(member)
                        member.name = split + member.name.removeprefix("test")
                        part.addfile(member, data)
    made = bring(tmp_path / "in", tmp_path / "out", format="image-folder")
    assert made.card.input.shape == (3, 32, 32)
    assert made.card.target.classes[:3] == ("airplane", "automobile", "bird")
    assert {name: split.class_counts for name, split in made.card.splits.items()} == {
        "train": (6,) * 10,
        "test": (2,) * 10,
    }


def test_an_upload_of_test_pictures_only_is_refused(tmp_path):
    class_folders(tmp_path / "in" / "test")
    assert "nothing to train on, all examples are of test" in refused(tmp_path / "in", tmp_path / "out")
