"""Temperatures that stay, move with the epochs, or are learned against the student."""

import math

import pytest
import torch

from kdcore.objective import distance
from kdcore.spec.named import Kind
from kdcore.spec.rooms import BadPiece
from kdcore.spec.spans import with_spans

SOFTENED = ["kl", "soft_cross_entropy", "reverse_kl", "jsd", "dkd", "nkd", "dist", "standardised_kl", "wsld", "ofa"]
SOFTENED += ["batch_correlation", "class_correlation", "symmetric_kl", "skew_kl", "tvd", "top_k_kl"]
RAMP = {"from": 1, "to": 5, "over": 8, "after": 2}


def noise(shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


LABELS = torch.tensor([0, 1, 2, 3])


def cost(name, temperature, epoch=0.0, **options):
    piece = distance(name, temperature=temperature, **options)
    return piece(noise((4, 6)), noise((4, 6), 1), LABELS, context={"epoch": epoch})


@pytest.mark.parametrize("name", SOFTENED)
@pytest.mark.parametrize(("epoch", "expected"), [(0, 1), (2, 1), (6, 3), (10, 5), (99, 5)])
def test_a_ramp_has_the_temperature_of_its_epoch(name, epoch, expected):
    assert cost(name, RAMP, epoch) == cost(name, expected)


@pytest.mark.parametrize("name", SOFTENED)
def test_a_learned_temperature_starts_at_the_value_of_its_formula_and_loses_nothing(name):
    expected = 1 + 20 / (1 + math.exp(-1))
    torch.testing.assert_close(cost(name, "learned"), cost(name, expected), rtol=1e-5, atol=0)


def learned(epoch, **options):
    piece = distance("kl", temperature={"kind": "learned", **options}).double()
    student = noise((4, 6)).requires_grad_()
    piece(student, noise((4, 6), 1), context={"epoch": epoch}).backward()
    return piece.temperature.theta.grad, student.grad


def test_theta_climbs_where_the_student_descends_and_along_a_cosine():
    piece = distance("kl", temperature="learned").double()
    theta = piece.temperature.theta
    losses = []
    for step in (-1e-5, 1e-5):
        with torch.no_grad():
            theta.fill_(1.0 + step)
        losses.append(piece(noise((4, 6)), noise((4, 6), 1), context={"epoch": 0}).item())
    slope = (losses[1] - losses[0]) / 2e-5
    for epoch, factor in [(0, 0), (2.5, (math.cos(math.pi / 4) - 1) / 2), (5, -0.5), (10, -1), (50, -1)]:
        assert learned(epoch)[0].item() == pytest.approx(factor * slope, rel=1e-6, abs=1e-12)


def test_the_student_s_gradient_is_not_reversed():
    plain = noise((4, 6)).requires_grad_()
    distance("kl", temperature=1 + 20 / (1 + math.exp(-1)))(plain, noise((4, 6), 1)).backward()
    torch.testing.assert_close(learned(10)[1], plain.grad)


def test_lowest_span_and_over_are_those_of_the_options():
    piece = distance("kl", temperature={"kind": "learned", "lowest": 2, "span": 6, "over": 4})
    assert piece.temperature.at({"epoch": 0}).item() == pytest.approx(2 + 6 / (1 + math.exp(-1)))
    torch.testing.assert_close(learned(2, over=4)[0] * 2, learned(4, over=4)[0])


def test_theta_is_learned_and_saved_with_the_distance():
    piece, other = distance("kl", temperature="learned"), distance("kl", temperature="learned")
    optimiser = torch.optim.SGD(piece.parameters(), lr=1.0)
    piece(noise((4, 6)), noise((4, 6), 1), context={"epoch": 20}).backward()
    optimiser.step()
    other.load_state_dict(piece.state_dict())
    context = {"epoch": 20}
    assert piece.temperature.at(context) != distance("kl", temperature="learned").temperature.at(context)
    assert other.temperature.at(context) == piece.temperature.at(context)


def test_forward_does_not_move_a_learned_temperature():
    piece = distance("kl", temperature="learned")
    sides = noise((4, 6)), noise((4, 6), 1)
    assert piece(*sides, context={"epoch": 3}) == piece(*sides, context={"epoch": 3})


def test_a_number_has_no_parameters():
    assert list(distance("kl").parameters()) == []


@pytest.mark.parametrize("temperature", [RAMP, "learned"])
def test_a_temperature_that_moves_needs_the_epoch(temperature):
    with pytest.raises(ValueError, match="needs the context's epoch"):
        distance("kl", temperature=temperature)(noise((4, 6)), noise((4, 6), 1))


@pytest.mark.parametrize("wrong", [0, -1, "warm", {"from": 0, "to": 4}, {"from": 1}, {"kind": "learned", "span": 0}])
def test_temperatures_that_do_not_soften_are_refused(wrong):
    with pytest.raises(BadPiece, match="'kl'"):
        distance("kl", temperature=wrong)


def test_a_ramp_without_a_span_takes_what_is_left_of_its_stage():
    kind = with_spans("distance", Kind(kind="kl", options={"temperature": {"from": 1, "to": 5, "after": 3}}), 10)
    assert kind.options == {"temperature": {"from": 1.0, "to": 5.0, "over": 7.0, "after": 3.0}}
    assert distance("kl", **kind.options).temperature.at({"epoch": 6.5}) == 3


@pytest.mark.parametrize("temperature", [4, RAMP, "learned"])
def test_other_temperatures_are_left_as_they_are_written(temperature):
    kind = Kind(kind="kl", options={"temperature": temperature})
    assert with_spans("distance", kind, 10) is kind
