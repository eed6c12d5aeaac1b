"""Text generators by name: the catalogue knows of them what the real networks have."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from kdcore.models import build, landmarks
from kdcore.models.trace import count_macs
from kdcore.objective.points import Capture
from kdcore.spec.catalogue import BadOption, describe, following_options

SOURCE, ANSWER, VOCABULARY = 5, 8, 50
SIZES = {"hidden": st.sampled_from([12, 24]), "heads": st.sampled_from([1, 2, 3])}
OPTIONS = {
    "gpt": st.fixed_dictionaries(SIZES, optional={"intermediate": st.integers(1, 50)}),
    "bart": st.fixed_dictionaries(
        SIZES, optional={"intermediate": st.integers(1, 50), "max_length": st.integers(13, 40)}
    ),
    "t5": st.fixed_dictionaries(
        {**SIZES, "gated": st.booleans(), "tied": st.booleans()},
        optional={"attention_width": st.sampled_from([18, 30]), "buckets": st.sampled_from([8, 16])},
    ),
}


def facts(source):
    length = ANSWER + (SOURCE if source else 0)
    return {
        "input_shape": (length,),
        "vocabulary": VOCABULARY,
        "source_length": SOURCE if source else None,
        "special": {"padding": 3, "end": 2},
    }


@settings(max_examples=25, deadline=None)
@given(st.data(), st.sampled_from(["gpt", "gpt with a source", "bart", "t5"]), st.integers(1, 3))
def test_the_catalogue_counts_and_shapes_are_those_of_the_real_network(data, name, depth):
    family, asked = name.split()[0], facts(source=name != "gpt")
    options = data.draw(OPTIONS[family])
    found = describe(f"{family}-{depth}", num_classes=VOCABULARY, **asked, **options)
    following = following_options(f"{family}-{depth}", **asked)
    network = build(f"{family}-{depth}", VOCABULARY, **following, **options).eval()
    assert network.padding == 3
    assert found.parameters == sum(parameter.numel() for parameter in network.parameters())
    assert found.macs == count_macs(network, asked["input_shape"], torch.long)
    assert found.exact
    marks = landmarks(network)
    assert (found.features, found.middle, found.classifier) == (marks.features, marks.middle, marks.classifier)
    assert dict(found.aliases) == dict(marks.aliases)
    shapes = {layer.path: layer.shape for layer in found.layers}
    points = ["embedding", *found.features, *(point for points in found.aliases.values() for point in points), "head"]
    with Capture(network, points) as capture:
        seen = capture(torch.ones(2, *asked["input_shape"], dtype=torch.long))
    assert {point: tuple(value.shape[1:]) for point, value in seen.items()} == {p: shapes[p] for p in points}


def test_an_encoder_decoder_needs_a_source_and_a_language_model_takes_one():
    with pytest.raises(BadOption, match="the dataset has no source"):
        describe("bart-1", num_classes=VOCABULARY, **facts(source=False))
    alone = describe("gpt-1", num_classes=VOCABULARY, **facts(source=False))
    behind = describe("gpt-1", num_classes=VOCABULARY, **facts(source=True))
    assert {layer.path: layer.shape for layer in alone.layers}["head"] == (ANSWER, VOCABULARY)
    assert {layer.path: layer.shape for layer in behind.layers}["head"] == (ANSWER, VOCABULARY)


def test_the_published_small_t5_has_its_published_size():
    found = describe(
        "t5-6", num_classes=32_128, input_shape=(128,), vocabulary=32_128, source_length=64, hidden=512, heads=8,
        attention_width=512, intermediate=2048,
    )  # fmt: skip
    assert found.parameters == 60_506_624
    with pytest.raises(BadOption, match="must divide the 512 hidden channels"):
        describe("t5-6", num_classes=9, input_shape=(9,), vocabulary=9, source_length=4, hidden=512, heads=6)
