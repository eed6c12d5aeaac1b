"""YOLO: centres and sides in shares become corners in pixels, and lines that cannot be used are named."""

import numpy as np
import pytest
from bringing import bring, real
from drawing import draw
from PIL import Image

from kdcore.errors import EngineError


@pytest.fixture
def yolo(tmp_path):
    """Writes pictures with their text files and brings them."""

    def make(texts, settings="names: [cat, dog]", **options):
        for place, (name, text) in enumerate(texts.items()):
            draw(tmp_path / "in" / "images" / f"{name}.png", place, width=40, height=20)
            label = tmp_path / "in" / "labels" / f"{name}.txt"
            label.parent.mkdir(parents=True, exist_ok=True)
            if text is not None:
                label.write_text(text)
        if settings:
            (tmp_path / "in" / "data.yaml").write_text(settings)
        size = {"height": 20, "width": 40}
        return bring(tmp_path / "in", tmp_path / "out", format="yolo", size=size, **options)

    make.folder = tmp_path / "in"
    return make


GOOD = {"a": "0 0.5 0.5 1 1\n", "b": "1 0.25 0.5 0.5 0.5\n0 0.5 0.5 0.1 0.2"}


def test_centres_and_sides_become_corners(yolo):
    made = yolo(GOOD)
    assert made.card.target.classes == ("cat", "dog")
    assert made.split("train").targets[0].tolist() == [[0, 0, 0, 40, 20], [-1, 0, 0, 0, 0]]
    assert np.allclose(made.split("train").targets[1], [[1, 0, 5, 20, 15], [0, 18, 8, 22, 12]])


@pytest.mark.parametrize("text", [None, "", "\n"])
def test_a_picture_without_a_file_or_with_an_empty_one_has_no_objects(yolo, text):
    made = yolo({**GOOD, "c": text})
    assert made.split("train").targets[2, :, 0].tolist() == [-1, -1]


@pytest.mark.parametrize(
    "settings",
    ["names: [cat, dog]\ntrain: ../images/one\nval: [images/two]", "path: .\nnames: {0: cat, 1: dog}\nval: images/two"],
)
def test_splits_come_from_the_yaml_file(yolo, settings):
    made = yolo({"one/a": GOOD["a"], "one/b": GOOD["b"], "two/c": GOOD["b"]}, settings)
    assert {name: split.count for name, split in made.card.splits.items()} == {"train": 2, "validation": 1}


def test_names_come_from_a_list_or_the_options(yolo):
    (yolo.folder / "x").mkdir(parents=True)
    assert yolo(GOOD, settings=None, classes=["x", "y"]).card.target.classes == ("x", "y")


def test_names_that_nobody_gives_are_asked_for(yolo):
    with pytest.raises(EngineError, match="names from 0") as caught:
        yolo(GOOD, settings=None)
    assert caught.value.param == "/classes"


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("2 0.5 0.5 0.1 0.1", "bad_annotation"),
        ("-1 0.5 0.5 0.1 0.1", "bad_annotation"),
        ("0 0.5 0.5 0.1", "bad_annotation"),
        ("0 0.1 0.1 0.2 0.1 0.2 0.2", "bad_annotation"),
        ("cat 0.5 0.5 0.1 0.1", "bad_annotation"),
        ("0 20 10 5 5", "bad_annotation"),
        ("0 nan 0.5 0.1 0.1", "box_not_finite"),
        ("0 0.5 0.5 0 0.1", "box_empty"),
        ("0 0.5 0.5 -0.2 0.1", "box_empty"),
    ],
)
def test_a_line_that_cannot_be_used_is_a_fault_with_its_place(yolo, line, code):
    with pytest.raises(EngineError, match=r"labels/c\.txt:2"):
        yolo({**GOOD, "c": f"1 0.5 0.5 0.5 0.5\n{line}"})
    made = yolo({**GOOD, "c": f"1 0.5 0.5 0.5 0.5\n{line}"}, quarantine=True)
    assert made.report["faults"]["by_code"] == {code: 1}
    assert made.card.splits["train"].class_counts == (2, 2)


def test_a_file_of_boxes_without_a_picture_is_a_fault(yolo):
    (yolo.folder / "labels").mkdir(parents=True)
    (yolo.folder / "labels" / "lost.txt").write_text("0 0.5 0.5 1 1")
    with pytest.raises(EngineError, match=r"labels/lost\.txt: it has no picture"):
        yolo(GOOD)


@pytest.mark.parametrize("settings", ["names: !!python/object/apply:os.system ['true']", "names: [", "{" * 10_000])
def test_a_yaml_file_with_tags_or_damage_is_refused(yolo, settings):
    with pytest.raises(EngineError, match=r"data\.yaml: it is no plain YAML"):
        yolo(GOOD, settings)


def test_pictures_without_any_boxes_are_refused(tmp_path):
    draw(tmp_path / "in" / "images" / "a.png", 1)
    with pytest.raises(EngineError, match="no picture has a text file"):
        bring(tmp_path / "in", tmp_path / "out", format="yolo", classes=["a"])


def test_the_coco_pictures_keep_every_box(tmp_path):
    folder = real("coco-yolo-mini")
    made = bring(folder, tmp_path / "out", format="yolo", size={"height": 128}, least_side=0)
    assert made.card.num_outputs == 80
    assert {name: sum(split.class_counts) for name, split in made.card.splits.items()} == {
        "train": 156,
        "validation": 95,
    }
    split = made.split("train")
    for name, boxes in zip(split.names, split.targets, strict=True):
        text = folder / name.replace("images/", "labels/").replace(".jpg", ".txt")
        rows = np.loadtxt(text, ndmin=2) if text.exists() else np.empty((0, 5))
        with Image.open(folder / name) as picture:
            scale = 128 / max(picture.size)
            found = (boxes[boxes[:, 0] >= 0][:, 3:] - boxes[boxes[:, 0] >= 0][:, 1:3]) / scale
            assert np.allclose(found, rows[:, 3:] * np.asarray(picture.size), rtol=0.02, atol=1.5)
