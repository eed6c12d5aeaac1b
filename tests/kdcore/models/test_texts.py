"""Text encoders by name: the catalogue knows of them what the real networks have."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from kdcore.models import build, landmarks
from kdcore.models.trace import count_macs
from kdcore.objective.points import Capture
from kdcore.spec.catalogue import BadOption, architecture_info, describe, following_options

LENGTH, VOCABULARY = 12, 50
SPECIAL = {"padding": 0, "separator": 3}
OPTIONS = st.fixed_dictionaries(
    {
        "hidden": st.sampled_from([12, 24, 60]),
        "heads": st.sampled_from([1, 2, 3, 6]),
        "segments": st.sampled_from([0, 1, 2]),
        "pooling": st.sampled_from(["tanh", "relu"]),
    },
    optional={"intermediate": st.integers(1, 50), "max_length": st.integers(LENGTH, 40)},
)


def described(name, **options):
    return describe(name, num_classes=5, input_shape=(LENGTH,), vocabulary=VOCABULARY, special=SPECIAL, **options)


def built(name, **options):
    following = following_options(name, (LENGTH,), VOCABULARY, special=SPECIAL)
    return build(name, 5, **following, **options).eval()


@settings(max_examples=15, deadline=None)
@given(depth=st.integers(1, 4), options=OPTIONS)
def test_the_catalogue_counts_and_shapes_are_those_of_the_real_network(depth, options):
    found, network = described(f"bert-{depth}", **options), built(f"bert-{depth}", **options)
    assert found.parameters == sum(parameter.numel() for parameter in network.parameters())
    assert found.macs == count_macs(network, (LENGTH,), torch.long)
    assert found.exact
    marks = landmarks(network)
    assert (found.features, found.middle, found.classifier) == (marks.features, marks.middle, marks.classifier)
    assert dict(found.aliases) == dict(marks.aliases)
    shapes = {layer.path: layer.shape for layer in found.layers}
    points = ["embedding", *found.features, *found.aliases["attention"], *found.aliases["values"], "pooler"]
    with Capture(network, points) as capture:
        seen = capture(torch.ones(2, LENGTH, dtype=torch.long))
    assert {point: tuple(value.shape[1:]) for point, value in seen.items()} == {p: shapes[p] for p in points}


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("bert-base", 109_483_778),
        ("bert-tiny", 4_386_178),
        ("bert-mini", 11_171_074),
        ("distilbert", 66_955_010),
        ("tinybert-4", 14_350_874),
    ],
)
def test_named_sizes_have_the_parameters_of_the_published_models(name, parameters):
    """With their vocabulary of 30,522, 512 positions and a classifier of two classes."""
    found = describe(name, num_classes=2, input_shape=(128,), vocabulary=30_522, max_length=512)
    assert found.parameters == parameters


def test_ids_and_lengths_follow_the_dataset():
    network = built("bert-2", hidden=12, heads=2)
    assert (network.padding, network.embedding.separator) == (0, 3)
    assert network.embedding.tokens.num_embeddings == VOCABULARY
    assert network.embedding.positions.num_embeddings == LENGTH
    assert following_options("bert-tiny", (LENGTH,), VOCABULARY, special={"begin": 1, "padding": 7}) == {
        "vocabulary": VOCABULARY,
        "length": LENGTH,
        "padding": 7,
    }


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"hidden": 20, "heads": 3}, "heads=3: must divide the 20 hidden channels"),
        ({"max_length": 8}, "max_length=8: must be at least 12, the dataset's tokens"),
        ({"padding": 5}, "padding=5: must be 0, as the dataset has it"),
        ({"segments": 3}, "segments=3: must be one of 0, 1, 2"),
        ({"width": 0.5}, "bert-2 has no such option"),
    ],
)
def test_options_that_cannot_be_are_refused_with_what_would_be_right(options, said):
    with pytest.raises(BadOption, match=said):
        described("bert-2", **options)


def test_lists_show_an_encoder_with_its_vocabulary():
    info = architecture_info("bert-5")
    assert (info.input, info.reference_vocabulary, info.reference_input) == ("tokens", 30_522, (128,))
    assert "regression" in info.tasks
