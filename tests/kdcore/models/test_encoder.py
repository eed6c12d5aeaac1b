"""The text encoder: shapes, places to look at, and that it ignores padding."""

import pytest
import torch

from kdcore.models import landmarks
from kdcore.models.encoder import Encoder, TokenEmbedding
from kdcore.objective.points import Capture


@pytest.fixture
def encoder():
    torch.manual_seed(0)
    model = Encoder(vocabulary=50, layers=3, width=24, heads=4, max_length=12, num_classes=5).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(10 if parameter.ndim > 1 else 1)  # fresh weights attend to all tokens alike
    return model


@pytest.fixture
def ids():
    return torch.randint(1, 50, (4, 7), generator=torch.Generator().manual_seed(0))


def test_padding_on_the_right_changes_no_logit_and_no_hidden_state_of_a_real_token(encoder, ids):
    padded = torch.nn.functional.pad(ids, (0, 5))
    assert torch.allclose(encoder(ids), encoder(padded), atol=1e-5)
    with Capture(encoder, landmarks(encoder).features) as capture:
        short, long = capture(ids), capture(padded)
    for name in landmarks(encoder).features:
        assert torch.allclose(short[name], long[name][:, :7], atol=1e-5)


def test_a_given_mask_hides_tokens_as_padding_does(encoder, ids):
    mask = torch.ones_like(ids, dtype=torch.bool)
    mask[:, 5:] = False
    assert torch.allclose(encoder(ids, mask), encoder(ids[:, :5]), atol=1e-5)
    assert not torch.allclose(encoder(ids, mask), encoder(ids), atol=1e-3)


def test_a_sequence_of_padding_alone_gives_finite_logits(encoder):
    assert encoder(torch.zeros(2, 6, dtype=torch.long)).isfinite().all()


def test_every_place_of_the_encoder_can_be_captured_with_its_shape(encoder, ids):
    found = landmarks(encoder)
    points = ["embedding", *found.features, *(point for points in found.aliases.values() for point in points)]
    with Capture(encoder, points) as capture:
        seen = capture(ids)
    assert {tuple(seen[name].shape) for name in ("embedding", *found.features, *found.aliases["queries"])} == {
        (4, 7, 24)
    }
    assert {tuple(seen[name].shape) for name in found.aliases["attention"]} == {(4, 4, 7, 7)}
    assert all(seen[name].isfinite().all() for name in seen)


def test_too_long_a_sequence_and_an_uneven_width_are_refused_with_both_numbers(encoder):
    with pytest.raises(ValueError, match="13 tokens; this encoder has 12"):
        encoder(torch.ones(1, 13, dtype=torch.long))
    with pytest.raises(ValueError, match="5 heads do not share a width of 24"):
        Encoder(50, 1, 24, 5, 12, 2)


def test_tokens_behind_a_separator_are_of_the_next_segment_as_far_as_there_are_segments():
    embedding = TokenEmbedding(10, 8, 4, segments=2, separator=3)
    ids = torch.tensor([[1, 5, 3, 6, 3, 0, 0], [1, 5, 6, 7, 3, 0, 0]])
    assert embedding._segment_of(ids).tolist() == [[0, 0, 0, 1, 1, 1, 1], [0, 0, 0, 0, 0, 1, 1]]


def test_the_order_of_a_pair_matters_where_segments_count():
    torch.manual_seed(0)
    model = Encoder(20, 1, 12, 2, 9, 2, separator=3, segments=2).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(10 if parameter.ndim > 1 else 1)
        model.embedding.positions.weight.zero_()
    one, other = torch.tensor([[1, 5, 3, 6, 3]]), torch.tensor([[1, 6, 3, 5, 3]])
    assert not torch.allclose(model(one), model(other), atol=1e-3)
    with torch.no_grad():
        model.embedding.segments.weight.zero_()
    assert torch.allclose(model(one), model(other), atol=1e-5)


def test_dropout_is_drawn_from_the_seed_in_training_and_sleeps_in_evaluation():
    torch.manual_seed(0)
    model, ids = Encoder(20, 2, 12, 2, 9, 2, dropout=0.5), torch.randint(1, 20, (3, 9))
    torch.manual_seed(1)
    first = model(ids)
    second = model(ids)
    torch.manual_seed(1)
    assert torch.equal(model(ids), first)
    assert not torch.equal(first, second)
    model.eval()
    assert torch.equal(model(ids), model(ids))
