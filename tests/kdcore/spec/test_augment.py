"""What a spec may ask of the training pictures."""

import pytest

from kdcore.spec import SpecError, parse_spec
from kdcore.spec.training import Sampler

SPEC = {"name": "any", "dataset": {"name": "digits"}, "student": {"architecture": "resnet8"}}


def training(**asked):
    return parse_spec({**SPEC, "training": asked}).training


def test_all_changes_can_be_asked_for_at_once():
    asked = {"shift": 4, "flip": True, "rotate": 10, "color": 0.2, "erase": 0.25, "views": 8}
    augment = training(augment={**asked, "randaugment": {"operations": 1, "magnitude": 12}}).augment
    assert (augment.views, augment.randaugment.magnitude, augment.versions) == (8, 12, 8)


@pytest.mark.parametrize("way", ["mixup", "cutmix"])
def test_mixed_pictures_have_no_views(way):
    with pytest.raises(SpecError, match="mixed pictures do not repeat: take views, or mixup and cutmix") as caught:
        training(augment={way: 0.5, "views": 4})
    assert caught.value.problems[0].pointer == "/training/augment"


@pytest.mark.parametrize(
    ("option", "value"),
    [("rotate", 181), ("color", 1.1), ("erase", -0.1), ("mixup", 0), ("views", 0), ("randaugment", {"magnitude": 31})],
)
def test_values_out_of_range_are_refused(option, value):
    with pytest.raises(SpecError) as caught:
        training(augment={option: value})
    assert caught.value.problems[0].pointer.startswith(f"/training/augment/{option}")


@pytest.mark.parametrize(
    "sampler",
    [{}, {"classes": 4}, {"per_class": 4}, {"classes": 4, "weights": "balanced"}],
)
def test_a_sampler_goes_one_way(sampler):
    with pytest.raises(SpecError, match="a sampler has classes and per_class, or weights"):
        training(sampler=sampler)


def test_a_sampler_says_which_batch_it_makes():
    assert Sampler(classes=4, per_class=8).makes == 32
    assert Sampler(weights="balanced").makes is None
