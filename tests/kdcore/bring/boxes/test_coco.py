"""COCO: categories by their ids, crowds left out, files found by their names, and what is wrong named."""

import json

import numpy as np
import pytest
from bringing import bring, real
from drawing import draw

from kdcore.errors import EngineError

CATEGORIES = [{"id": 7, "name": "dog"}, {"id": 3, "name": "cat"}]


def document(numbers, boxes, categories=CATEGORIES, **changes):
    images = [{"id": n, "file_name": f"{n}.png", "width": 40, "height": 30} for n in numbers]
    annotations = [
        {"id": place, "image_id": image, "category_id": category, "bbox": box, "iscrowd": 0}
        for place, (image, category, box) in enumerate(boxes)
    ]
    return {"images": images, "annotations": annotations, "categories": categories, **changes}


@pytest.fixture
def coco(tmp_path):
    """Writes JSON files beside pictures and brings them."""

    def make(documents, **options):
        for place in range(1, 5):
            draw(tmp_path / "in" / "images" / f"{place}.png", place, width=40, height=30)
        for name, content in documents.items():
            text = content if isinstance(content, str) else json.dumps(content)
            (tmp_path / "in" / f"{name}.json").write_text(text)
        size = {"height": 30, "width": 40}
        return bring(tmp_path / "in", tmp_path / "out", format="coco", size=size, **options)

    return make


GOOD = document([1, 2], [(1, 3, [10, 5, 20, 10]), (2, 7, [0, 0, 40, 30]), (2, 3, [0, 0, 4, 4])])


def test_categories_are_numbered_in_the_order_of_their_ids_and_corners_are_edges(coco):
    made = coco({"anything": GOOD})
    assert made.card.target.classes == ("cat", "dog")
    assert made.split("train").targets.tolist() == [
        [[0, 10, 5, 30, 15], [-1, 0, 0, 0, 0]],
        [[1, 0, 0, 40, 30], [0, 0, 0, 4, 4]],
    ]


def test_files_are_splits_by_their_names(coco):
    made = coco({"instances_train2017": GOOD, "instances_val2017": document([3], [(3, 3, [1, 1, 9, 9])])})
    assert {name: split.count for name, split in made.card.splits.items()} == {"train": 2, "validation": 1}


def test_files_are_splits_by_what_the_options_say(coco):
    made = coco({"one": GOOD, "two": document([3], [(3, 3, [1, 1, 9, 9])])}, train="one.json", test="two.json")
    assert {name: split.count for name, split in made.card.splits.items()} == {"train": 2, "test": 1}


def test_crowds_are_left_out_and_counted(coco):
    crowd = document([1, 2], [(1, 3, [10, 5, 20, 10]), (2, 7, [0, 0, 40, 30]), (2, 3, [0, 0, 4, 4])])
    crowd["annotations"][2]["iscrowd"] = 1
    made = coco({"x": crowd})
    assert made.card.target.boxes == 1
    assert made.warned("crowds_left_out")[0]["count"] == 1


def test_a_picture_without_objects_is_kept(coco):
    made = coco({"x": {**GOOD, "images": document([1, 2, 3], [])["images"]}})
    assert made.split("train").targets[2, :, 0].tolist() == [-1, -1]
    assert made.report["boxes"]["pictures_without"] == 1


@pytest.mark.parametrize(
    ("entry", "code"),
    [
        ({"image_id": 1, "category_id": 3, "bbox": [1, 1, 0, 5]}, "box_empty"),
        ({"image_id": 1, "category_id": 3, "bbox": [90, 1, 5, 5]}, "box_outside"),
        ({"image_id": 1, "category_id": 3, "bbox": [1, 1, 5]}, "bad_annotation"),
        ({"image_id": 1, "category_id": 3, "bbox": ["a", 1, 5, 5]}, "bad_annotation"),
        ({"image_id": 1, "category_id": 3, "bbox": [1, 1, 10**400, 5]}, "bad_annotation"),
        ({"image_id": 1, "category_id": 3}, "bad_annotation"),
        ({"image_id": 1, "category_id": [3], "bbox": [1, 1, 5, 5]}, "bad_annotation"),
        ({"image_id": 9, "category_id": 3, "bbox": [1, 1, 5, 5]}, "no_picture"),
        ({"image_id": 1, "category_id": 9, "bbox": [1, 1, 5, 5]}, "wrong_label"),
        ("text", "bad_annotation"),
    ],
)
def test_a_bad_annotation_is_a_fault_with_its_place(coco, entry, code):
    spoilt = {"x": {**GOOD, "annotations": [*GOOD["annotations"], entry]}}
    with pytest.raises(EngineError, match=r"x\.json annotation 4"):
        coco(spoilt)
    made = coco(spoilt, quarantine=True)
    assert made.report["faults"]["by_code"] == {code: 1}
    assert made.card.splits["train"].class_counts == (2, 1)


@pytest.mark.parametrize(
    ("image", "code"),
    [
        ({"id": 9, "file_name": "gone.png"}, "no_picture"),
        ({"id": 9, "file_name": "../../../etc/passwd"}, "no_picture"),
        ({"id": 1, "file_name": "3.png"}, "named_twice"),
        ({"id": 9, "file_name": "3.png", "width": 30, "height": 40}, "size_differs"),
        ({"id": 9}, "bad_annotation"),
        (None, "bad_annotation"),
    ],
)
def test_a_bad_picture_is_a_fault(coco, image, code):
    made = coco({"x": {**GOOD, "images": [*GOOD["images"], image]}}, quarantine=True)
    assert made.report["faults"]["by_code"] == {code: 1}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "no JSON"),
        ("[" * 100_000, "nested too deeply"),
        ('{"images": [NaN], "annotations": [], "categories": []}', "NaN"),
        ([], "needs lists"),
        ({"images": []}, "needs lists"),
        (document([1], [], categories=[{"id": 1}]), "no name"),
        (document([1], [], categories=[*CATEGORIES, {"id": 3, "name": "cow"}]), "use one list"),
        (document([1], []), "no answer at all"),
    ],
)
def test_a_file_that_is_no_coco_is_refused(coco, content, said):
    with pytest.raises(EngineError, match=said) as caught:
        coco({"x": content})
    assert caught.value.code == "invalid_data"


def test_two_files_that_could_be_one_split_are_refused(coco):
    with pytest.raises(EngineError, match="could both be the train split") as caught:
        coco({"train_a": GOOD, "train_b": GOOD})
    assert caught.value.param == "/train"


@pytest.mark.slow
def test_the_boards_have_the_boxes_of_their_native_files(tmp_path):
    folder = real("deeppcb")
    made = bring(folder, tmp_path / "out", format="coco", size={"height": 640, "width": 640, "color": "grey"})
    assert made.card.target.classes == ("open", "short", "mousebite", "spur", "copper", "pin-hole")
    assert made.card.splits["test"].class_counts == (103, 71, 96, 81, 71, 73)
    native = dict(line.split() for line in (folder / "test.txt").read_text().splitlines())
    split = made.split("test")
    for name, boxes in zip(split.names, split.targets, strict=True):
        rows = np.loadtxt(folder / native[name], ndmin=2)
        expected = np.concatenate([rows[:, 4:] - 1, rows[:, :4]], axis=1)
        found = boxes[boxes[:, 0] >= 0]
        assert sorted(found.tolist()) == sorted(expected.tolist())
