"""Pascal VOC: lists, corners and classes as its kit has them, and the flaws that real files have."""

import numpy as np
import pytest
from bringing import bring, real
from drawing import draw

from kdcore.errors import EngineError

SIDES = ("xmin", "ymin", "xmax", "ymax")


def voc_object(label, *corners, difficult=0):
    sides = "".join(f"<{side}>{value}</{side}>" for side, value in zip(SIDES, corners, strict=True))
    return f"<object><name>{label}</name><difficult>{difficult}</difficult><bndbox>{sides}</bndbox></object>"


def annotation(*objects, width=40, height=30):
    return f"<annotation><size><width>{width}</width><height>{height}</height></size>{''.join(objects)}</annotation>"


@pytest.fixture
def voc(tmp_path):
    """Writes pictures and annotations by name, and brings them."""

    def make(annotations, lists=None, **options):
        folder = tmp_path / "in"
        for place, (name, text) in enumerate(annotations.items()):
            draw(folder / "JPEGImages" / f"{name}.png", place, width=40, height=30)
            (folder / "Annotations").mkdir(exist_ok=True)
            (folder / "Annotations" / f"{name}.xml").write_text(text)
        for name, stems in (lists or {}).items():
            (folder / "ImageSets" / "Main").mkdir(parents=True, exist_ok=True)
            (folder / "ImageSets" / "Main" / f"{name}.txt").write_text("\n".join(stems))
        size = {"height": 30, "width": 40}
        return bring(folder, tmp_path / "out", format="voc", **{"size": size, **options})

    return make


GOOD = {"a": annotation(voc_object("cat", 1, 1, 40, 30)), "b": annotation(voc_object("dog", 11, 6, 20, 15))}


def test_corners_name_pixels_from_one_and_include_the_last(voc):
    made = voc(GOOD)
    assert made.card.task == "detection"
    assert made.card.target.classes == ("cat", "dog")
    assert made.split("train").targets.tolist() == [[[0, 0, 0, 40, 30]], [[1, 10, 5, 20, 15]]]


def test_corners_from_zero_are_taken_as_edges(voc):
    assert voc(GOOD, first_pixel=0).split("train").targets[1].tolist() == [[1, 11, 6, 20, 15]]


def test_boxes_go_with_their_pictures_and_missing_ones_are_filled_up(voc):
    two = annotation(voc_object("cat", 1, 1, 40, 30), voc_object("dog", 1, 1, 20, 30))
    made = voc({**GOOD, "c": two}, size={"height": 40, "width": 40})
    assert made.card.target.boxes == 2
    assert made.split("train").targets[0].tolist() == [[0, 0, 5, 40, 35], [-1, 0, 0, 0, 0]]
    assert made.split("train").targets[2].tolist() == [[0, 0, 5, 40, 35], [1, 0, 5, 20, 35]]


def test_lists_are_splits_and_what_they_leave_out_is_left_out(voc):
    made = voc(
        {**GOOD, "c": GOOD["a"], "d": GOOD["b"], "e": GOOD["a"]}, {"train": ["a", "b"], "val": ["c"], "test": ["d"]}
    )
    assert {name: split.count for name, split in made.card.splits.items()} == {"train": 2, "validation": 1, "test": 1}
    assert made.warned("passed_over")[0]["count"] == 1


def test_trainval_without_train_is_train(voc):
    made = voc({**GOOD, "c": GOOD["a"]}, {"trainval": ["a", "b", "c"], "val": ["c"]})
    assert {name: split.count for name, split in made.card.splits.items()} == {"train": 2, "validation": 1}


def test_difficult_objects_are_left_out_unless_asked_for(voc):
    hard = {**GOOD, "c": annotation(voc_object("cat", 1, 1, 9, 9), voc_object("cat", 1, 1, 5, 5, difficult=1))}
    assert voc(hard).card.target.boxes == 1


def test_difficult_objects_are_kept_when_asked_for(voc):
    hard = {**GOOD, "c": annotation(voc_object("cat", 1, 1, 9, 9), voc_object("cat", 1, 1, 5, 5, difficult=1))}
    assert voc(hard, difficult=True).card.target.boxes == 2


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("<annotation><object>", "bad_annotation"),
        ("", "bad_annotation"),
        ('<!DOCTYPE x [<!ENTITY a "b">]><annotation>&a;</annotation>', "bad_annotation"),
        (annotation("<object><name>cat</name></object>"), "bad_annotation"),
        (annotation(voc_object("cat", "x", 1, 2, 2)), "bad_annotation"),
        (annotation(voc_object("", 1, 1, 9, 9)), "wrong_label"),
        (annotation(voc_object("cat", 5, 5, 5, 5)), "box_empty"),
        (annotation(voc_object("cat", 50, 50, 60, 60)), "box_outside"),
        (annotation(voc_object("cat", 1, 1, 9, 9), width=400), "size_differs"),
    ],
)
def test_a_bad_annotation_is_a_fault_by_name(voc, text, code):
    with pytest.raises(EngineError, match=r"c\.(xml|png)"):
        voc({**GOOD, "c": text})
    made = voc({**GOOD, "c": text}, quarantine=True)
    assert made.report["faults"]["by_code"] == {code: 1}


def test_an_entity_bomb_is_refused_before_it_grows(voc):
    entities = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 9))
    bomb = f'<!DOCTYPE x [<!ENTITY a0 "{"x" * 1000}">{entities}]><annotation>&a8;</annotation>'
    with pytest.raises(EngineError, match="document type"):
        voc({**GOOD, "c": bomb})


@pytest.mark.slow
def test_the_blood_cells_survive_their_two_empty_boxes(tmp_path):
    options = {"format": "voc", "size": {"height": 60, "width": 80}}
    with pytest.raises(EngineError, match=r"BloodImage_00338\.xml object 13: the box \[504, 337, 504, 337\]"):
        bring(real("bccd-voc"), tmp_path / "out", **options)
    made = bring(real("bccd-voc"), tmp_path / "out", quarantine=True, **options)
    assert made.card.target.classes == ("Platelets", "RBC", "WBC")
    assert {name: split.count for name, split in made.card.splits.items()} == {
        "train": 205,
        "validation": 87,
        "test": 72,
    }
    totals = np.sum([split.class_counts for split in made.card.splits.values()], axis=0)
    assert totals.tolist() == [361, 4153, 372]
    listed = made.report["faults"]["listed"]
    assert [fault["code"] for fault in listed] == ["box_empty"] * 2
    assert ["00338" in listed[0]["item"], "00343" in listed[1]["item"]] == [True, True]
    assert made.warned("near_duplicates")[0]["pairs"] == [
        ["BCCD/JPEGImages/BloodImage_00038.jpg", "BCCD/JPEGImages/BloodImage_00037.jpg"]
    ]
