"""The text encoder ignores padding; the sensor network takes windows of any length."""

import pytest
import torch

from kdcore.models import landmarks
from kdcore.models.conv1d import SignalResNet
from kdcore.models.encoder import Encoder
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
    assert not torch.allclose(encoder(ids, mask), encoder(ids), atol=1e-2)


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


@pytest.mark.parametrize("length", [16, 50, 128])
def test_a_sensor_network_takes_windows_of_any_length(length):
    torch.manual_seed(0)
    model = SignalResNet(2, in_channels=9, num_classes=6, width=0.25)
    out = model(torch.randn(3, 9, length))
    out.logsumexp(1).sum().backward()
    assert out.shape == (3, 6)
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())


def test_a_sensor_network_halves_the_length_stage_by_stage_and_shows_its_blocks():
    model = SignalResNet(2, in_channels=9, num_classes=6).eval()
    found = landmarks(model)
    with Capture(model, [*found.features, *found.aliases["preactivations"]]) as capture:
        seen = capture(torch.randn(2, 9, 64))
    assert [tuple(seen[name].shape[1:]) for name in found.features[1::2]] == [(32, 64), (64, 32), (128, 16)]
    assert all(torch.equal(seen[f"{name}.relu2@in"].relu(), seen[name]) for name in found.features)


def test_an_even_kernel_is_refused():
    with pytest.raises(ValueError, match="odd"):
        SignalResNet(1, 3, 2, kernel=4)
