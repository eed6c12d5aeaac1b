"""Pictures with masks: matched by name, numbered or painted, brought to size without inventing classes."""

import numpy as np
import pytest
from bringing import bring
from drawing import draw, noise
from PIL import Image

from kdcore.errors import EngineError

COLORS = [{"name": "road", "color": [10, 0, 0]}, {"name": "sky", "color": [0, 0, 200]}]


def mask_of(seed, width=12, height=10, classes=3):
    numbers = np.random.default_rng(seed).integers(0, classes, (height, width), dtype=np.uint8)
    numbers[0, 0] = 255
    return numbers


@pytest.fixture
def scenes(tmp_path):
    """Six pictures with masks."""
    for place in range(6):
        draw(tmp_path / "in" / "images" / f"{place}.jpg", place)
        (tmp_path / "in" / "masks").mkdir(exist_ok=True)
        Image.fromarray(mask_of(place)).save(tmp_path / "in" / "masks" / f"{place}.png")

    def make(**options):
        return bring(tmp_path / "in", tmp_path / "out", format="image-masks", **options)

    make.folder = tmp_path / "in"
    return make


def test_numbers_of_a_mask_are_its_classes_and_255_counts_nowhere(scenes):
    made = scenes()
    assert (made.card.task, made.card.target.classes, made.card.target.ignored) == (
        "segmentation",
        ("0", "1", "2"),
        255,
    )
    split = made.split("train")
    assert split.inputs.shape == (6, 3, 10, 12)
    assert split.targets.dtype == np.uint8
    assert np.array_equal(split.targets[3], mask_of(3))
    assert sum(made.card.splits["train"].class_counts) == 6 * (10 * 12 - 1)


def test_padding_is_ignored_and_resizing_makes_no_new_classes(scenes):
    split = scenes(size={"height": 20, "width": 20, "fit": "pad"}).split("train")
    assert (split.targets[:, 0] == 255).all()
    assert set(np.unique(split.targets)) <= {0, 1, 2, 255}


def test_painted_masks_are_read_by_their_colours_and_others_are_ignored(scenes):
    table = np.asarray([[10, 0, 0], [0, 0, 200], [9, 9, 9]], dtype=np.uint8)
    for place in range(6):
        numbers = np.where(mask_of(place) == 255, 2, mask_of(place))
        Image.fromarray(table[numbers]).save(scenes.folder / "masks" / f"{place}.png")
    made = scenes(colors=COLORS)
    assert made.card.target.classes == ("road", "sky")
    expected = np.where(mask_of(2) >= 2, 255, mask_of(2))
    assert np.array_equal(made.split("train").targets[2], expected)


def test_painted_masks_without_a_table_of_colours_are_refused(scenes):
    noise(1).save(scenes.folder / "masks" / "0.png")
    with pytest.raises(EngineError, match="painted, not numbered"):
        scenes()


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (lambda folder: (folder / "masks" / "1.png").unlink(), "no_mask"),
        (lambda folder: (folder / "images" / "1.jpg").unlink(), "no_picture"),
        (lambda folder: (folder / "masks" / "1.png").write_bytes(b"x"), "not_a_picture"),
        (lambda folder: Image.fromarray(mask_of(1, width=11)).save(folder / "masks" / "1.png"), "mask_size"),
        (lambda folder: Image.fromarray(mask_of(1, classes=9)).save(folder / "masks" / "1.png"), "mask_value"),
    ],
)
def test_a_picture_without_a_fitting_mask_is_a_fault_by_name(scenes, spoil, code):
    spoil(scenes.folder)
    with pytest.raises(EngineError, match=r"1\.(jpg|png)"):
        scenes(classes=["a", "b", "c"])
    made = scenes(classes=["a", "b", "c"], quarantine=True)
    assert made.card.splits["train"].count == 5
    assert made.report["faults"]["by_code"] == {code: 1}


@pytest.mark.parametrize("layout", ["{split}/{kind}/{name}", "{kind}/{split}/{name}"])
def test_splits_may_lie_above_or_below_pictures_and_masks(tmp_path, layout):
    for place, split in enumerate(["train"] * 4 + ["val"] * 2):
        for kind, suffix in (("photos", ""), ("truth", "_mask")):
            name = layout.format(split=split, kind=kind, name=f"{place}{suffix}.png")
            path = draw(tmp_path / "in" / name, place)
            if suffix:
                Image.fromarray(mask_of(place)).save(path)
    made = bring(
        tmp_path / "in", tmp_path / "out", format="image-masks", images="photos", masks="truth", mask_suffix="_mask"
    )
    assert {name: split.count for name, split in made.card.splits.items()} == {"train": 4, "validation": 2}
