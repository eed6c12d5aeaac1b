"""The KD2M presets: one distance between feature distributions beside the task loss, by option."""

import pytest

from kdcore.spec.base import SpecError
from kdcore.spec.presets import expand_preset, method_info
from kdcore.spec.rooms import piece_options
from kdcore.spec.rooms.distributions import DISTRIBUTIONS


def matched(name="kd2m", **options):
    (stage,) = expand_preset(name, options, 3).stages
    _, term = stage.terms
    return term


def test_the_default_is_the_published_form_at_the_penultimate_features():
    term = matched()
    assert (term.distance.kind, term.distance.options) == ("wasserstein", {})
    assert (term.points, term.weight) == ("penultimate", 1e-4)


def test_the_conditional_row_is_the_same_preset_with_another_default():
    assert matched("kd2m-conditional") == matched(given="class") == matched(conditional=True)
    assert matched("kd2m-conditional", given="nothing") == matched()


@pytest.mark.parametrize("metric", sorted(DISTRIBUTIONS))
def test_every_distance_can_be_the_metric_with_its_scale_and_queue(metric):
    distance = matched(metric=metric, scale="teacher", queue=64, given="class").distance
    assert distance.kind == metric
    assert distance.options.items() >= {"given": "class", "scale": "teacher", "queue": 64}.items()
    piece_options("distance", metric, distance.options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"metric": "coral", "given": "label"}, "use given: class, or wasserstein, sinkhorn or mmd"),
        ({"metric": "euclid"}, "'wasserstein', 'sinkhorn'"),
        ({"weight": -1}, "greater than or equal to 0"),
        ({"sigma": 1}, "unknown field 'sigma'"),
    ],
)
def test_options_that_do_not_fit_are_refused_with_what_does(options, message):
    with pytest.raises(SpecError, match=message):
        matched(**options)


def test_the_published_schema_offers_both_spellings_of_the_mode():
    properties = method_info("kd2m").options_schema["properties"]
    assert properties["conditional"]["type"] == "boolean"
    assert properties["given"]["enum"] == ["nothing", "class", "label", "logits"]
