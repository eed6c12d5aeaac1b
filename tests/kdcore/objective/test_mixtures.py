"""Learned sums of teacher layers, and maps beside tokens."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from kdcore.objective import adapter, distance
from kdcore.objective.bridges import Adapter
from kdcore.spec.matching import forward_map


def noise(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def mixture(students, teachers, **options):
    return adapter("mixture", [tuple(s.shape) for s in students], [tuple(t.shape) for t in teachers], **options)


TEACHERS = [noise(3, 5, 8, seed=i) for i in range(4)]


def test_at_first_every_student_layer_follows_the_mean_of_all_teacher_layers():
    students = [noise(3, 5, 8, seed=9), noise(3, 5, 8, seed=8)]
    own, followed = mixture(students, TEACHERS)(students, TEACHERS)
    assert len(own) == len(followed) == 2
    assert torch.equal(own[0], students[0])
    assert torch.allclose(followed[1], torch.stack(TEACHERS).mean(0), atol=1e-6)


@given(st.integers(1, 5), st.integers(2, 7))
def test_a_mixture_may_start_at_the_forward_map(students, teachers):
    piece = adapter("mixture", [(2, 4)] * students, [(2, 4)] * teachers, initial="forward")
    assert piece.weights.argmax(1).tolist() == forward_map(students, teachers)
    assert piece.weights.max(1).values.tolist() == pytest.approx([0.9] * students, rel=1e-5)


def test_weights_are_shares_whatever_their_logits():
    piece = adapter("mixture", [(2, 4)] * 3, [(2, 4)] * 5)
    with torch.no_grad():
        piece.logits.copy_(noise(3, 5) * 10)
    assert piece.weights.sum(1).tolist() == pytest.approx([1, 1, 1])
    assert (piece.weights >= 0).all()


def test_a_narrower_student_gets_a_registered_map_without_a_bias():
    students = [noise(3, 5, 6, seed=9), noise(3, 5, 8, seed=8)]
    piece = mixture(students, TEACHERS)
    own, _ = piece(students, TEACHERS)
    assert [tuple(one.shape) for one in own] == [(3, 5, 8)] * 2
    assert {name: tuple(p.shape) for name, p in piece.named_parameters()} == {
        "logits": (2, 4),
        "maps.0.weight": (8, 6),
    }


def test_the_gradient_reaches_weights_and_maps_and_no_teacher():
    students = [noise(3, 5, 6, seed=9)]
    teachers = [teacher.clone().requires_grad_() for teacher in TEACHERS]
    piece = mixture(students, teachers)
    own, followed = piece(students, teachers)
    measure = distance("hidden")
    measure.follows_adapter = True  # as a term sets it
    measure(own, followed).backward()
    assert piece.logits.grad.abs().sum() > 0
    assert piece.maps[0].weight.grad.abs().sum() > 0
    assert all(teacher.grad is None for teacher in teachers)


def test_the_weights_find_the_layer_that_the_student_is_like():
    student = [TEACHERS[2].clone()]
    piece = mixture(student, TEACHERS)
    optimiser, measure = torch.optim.Adam(piece.parameters(), 0.1), distance("hidden")
    measure.follows_adapter = True
    for _ in range(100):
        optimiser.zero_grad()
        measure(*piece(student, TEACHERS)).backward()
        optimiser.step()
    assert piece.weights[0, 2] > 0.9


def test_maps_of_one_stage_are_pooled_to_the_smallest_and_others_refused_with_the_remedy():
    students, teachers = [noise(2, 4, 16, 16)], [noise(2, 8, 8, 8), noise(2, 8, 4, 4)]
    own, followed = mixture(students, teachers)(students, teachers)
    assert own[0].shape == followed[0].shape == (2, 8, 4, 4)
    with pytest.raises(ValueError, match=r"one width .*\(8, 4, 4\), \(16, 4, 4\).*: name points of one stage"):
        adapter("mixture", [(2, 4, 4, 4)], [(2, 8, 4, 4), (2, 16, 4, 4)])


def test_a_state_dict_brings_the_weights_back():
    students = [noise(3, 5, 6, seed=9)]
    piece, again = mixture(students, TEACHERS), mixture(students, TEACHERS)
    with torch.no_grad():
        piece.logits.copy_(noise(1, 4))
    again.load_state_dict(piece.state_dict())
    assert torch.equal(again.weights, piece.weights)


def test_tokens_of_a_map_are_its_positions_row_by_row_and_a_class_token_is_dropped():
    grid = noise(2, 6, 4, 4)
    tokens = torch.cat([noise(2, 1, 6, seed=1), grid.flatten(2).transpose(1, 2)], dim=1)
    piece = adapter("tokens", [tuple(tokens.shape)], [tuple(grid.shape)])
    own, followed = piece([tokens], [grid])
    assert isinstance(piece, Adapter)
    assert own[0].shape == followed[0].shape == (2, 16, 6)
    assert torch.equal(own[0], followed[0])


@pytest.mark.parametrize(
    ("student", "teacher", "count"),
    [((2, 17, 12), (2, 65, 24), 16), ((2, 16, 8, 8), (2, 17, 24), 16), ((2, 65, 12), (2, 32, 4, 4), 16)],
)
def test_unequal_grids_meet_at_the_smaller_one(student, teacher, count):
    piece = adapter("tokens", [student], [teacher], bias=False)
    own, followed = piece([noise(*student)], [noise(*teacher)])
    assert own[0].shape == followed[0].shape
    assert own[0].shape[1] == count
    assert all(p.ndim == 2 for p in piece.parameters())


def test_constant_tokens_stay_constant_between_grids():
    own, followed = adapter("tokens", [(2, 65, 3)], [(2, 3, 2, 2)])(
        [torch.full((2, 65, 3), 2.0)], [torch.ones(2, 3, 2, 2)]
    )
    assert torch.allclose(own[0], torch.full((2, 4, 3), 2.0))
    assert torch.allclose(followed[0], torch.ones(2, 4, 3))


@pytest.mark.parametrize("shape", [(2, 12, 8), (2, 8)])
def test_what_forms_no_grid_is_refused(shape):
    with pytest.raises(ValueError, match=r"name other points|use 'linear'"):
        adapter("tokens", [shape], [(2, 8, 4, 4)])


def test_a_linear_adapter_may_go_without_a_bias():
    assert len(list(adapter("linear", [(2, 9, 4)], [(2, 9, 6)], bias=False).parameters())) == 1
    assert len(list(adapter("linear", [(2, 9, 4)], [(2, 9, 6)]).parameters())) == 2
    assert len(list(adapter("auto", [(2, 3, 8, 8)], [(2, 5, 4, 4)], bias=False).parameters())) == 1
