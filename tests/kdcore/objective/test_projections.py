"""Orthogonal and subspace adapters: lengths and angles are kept, in any shape of feature."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from kdcore.objective import adapter
from kdcore.objective.projections import OrthogonalLinear

SHAPES = [
    ((4, 6), (4, 10), 2),
    ((4, 10), (4, 6), 2),
    ((4, 5, 6), (4, 5, 10), 3),
    ((4, 5, 6), (4, 7, 10), 2),
    ((4, 6, 8, 8), (4, 10, 4, 4), 4),
    ((4, 6, 4, 2), (4, 10, 3, 8), 4),
    ((4, 6, 8, 8), (4, 10), 2),
    ((4, 6, 8, 8), (4, 17, 10), 2),
]


@pytest.mark.parametrize("kind", ["orthogonal", "subspace"])
@pytest.mark.parametrize(("student", "teacher", "rank"), SHAPES)
@pytest.mark.parametrize("standardise", ["teacher", "both", "none"])
def test_both_sides_end_in_one_shape_and_the_student_s_side_learns(kind, student, teacher, rank, standardise):
    piece = adapter(kind, [student, student], [teacher, teacher], standardise=standardise)
    ours = [torch.randn(student, requires_grad=True) for _ in range(2)]
    students, teachers = piece(ours, [torch.randn(teacher) for _ in range(2)])
    assert [one.shape for one in students] == [one.shape for one in teachers]
    assert {one.ndim for one in students} == {rank}
    sum((s - t).square().sum() for s, t in zip(students, teachers, strict=True)).backward()
    parameters = list(piece.parameters())
    assert len(parameters) == 2
    assert all(parameter.grad.abs().sum() > 0 for parameter in parameters)
    assert all(one.grad.isfinite().all() and one.grad.any() for one in ours)


def test_maps_are_averaged_to_the_smaller_size_on_each_side():
    piece = adapter("orthogonal", [(2, 3, 4, 2)], [(2, 5, 2, 6)])
    (student,), (teacher,) = piece([torch.randn(2, 3, 4, 2)], [torch.randn(2, 5, 2, 6)])
    assert student.shape == teacher.shape == (2, 5, 2, 2)


def test_the_orthogonal_map_gives_maps_and_vectors_one_and_the_same_matrix():
    piece = adapter("orthogonal", [(2, 3, 4, 4)], [(2, 5, 4, 4)], standardise="none")
    feature = torch.randn(2, 3, 4, 4)
    (mapped,), _ = piece([feature], [torch.zeros(2, 5, 4, 4)])
    expected = torch.einsum("oc,bchw->bohw", piece.maps[0].weight, feature)
    torch.testing.assert_close(mapped, expected)


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 12), st.integers(1, 12))
def test_the_matrix_is_orthonormal_and_stays_so_while_it_learns(width, into):
    layer = OrthogonalLinear(width, into).double()
    optimizer = torch.optim.SGD(layer.parameters(), lr=0.5)
    torch.manual_seed(0)
    feature, wanted = torch.randn(9, width).double(), torch.randn(9, into).double()
    for _ in range(3):
        optimizer.zero_grad()
        (layer(feature) - wanted).square().sum().backward()
        optimizer.step()
    weight = layer.weight
    square = weight @ weight.T if into < width else weight.T @ weight
    torch.testing.assert_close(square, torch.eye(len(square)).double())


def test_the_matrix_has_no_leaps():
    """The factor of a QR decomposition would change its sign where a column passes zero in its first entry."""
    layer = OrthogonalLinear(2, 3)
    seen = []
    for first in (-1e-4, 1e-4):
        with torch.no_grad():
            layer.free.copy_(torch.tensor([[first, 0.0], [1.0, 1.0], [0.0, 1.0]]))
        seen.append(layer.weight.detach())
    torch.testing.assert_close(seen[0], seen[1], atol=1e-3, rtol=0)


def test_the_gradient_of_the_matrix_is_that_of_finite_differences():
    torch.manual_seed(0)
    layer = OrthogonalLinear(3, 5).double()
    feature, probe = torch.randn(4, 3).double(), torch.randn(4, 5).double()

    def loss(free):
        return (torch.func.functional_call(layer, {"free": free}, (feature,)) * probe).sum()

    assert torch.autograd.gradcheck(loss, (layer.free.detach().requires_grad_(),))


@pytest.mark.parametrize(("kind", "width"), [("orthogonal", 10), ("subspace", 24)])
def test_lengths_and_angles_of_a_narrow_student_are_kept(kind, width):
    options = {"standardise": "none"} | ({"width": width} if kind == "subspace" else {})
    piece = adapter(kind, [(8, 6)], [(8, 10)], **options)
    student, teacher = torch.randn(8, 6), torch.randn(8, 10)
    (ours,), (theirs,) = piece([student], [teacher])
    assert ours.shape == theirs.shape == (8, width)
    torch.testing.assert_close(ours @ ours.T, student @ student.T)
    torch.testing.assert_close(theirs @ theirs.T, teacher @ teacher.T)


def test_the_teacher_s_side_is_layer_normed():
    _, (teacher,) = adapter("orthogonal", [(8, 6)], [(8, 10)])([torch.randn(8, 6)], [5 + 3 * torch.randn(8, 10)])
    torch.testing.assert_close(teacher.mean(1), torch.zeros(8), atol=1e-5, rtol=0)
    torch.testing.assert_close(teacher.var(1, correction=0), torch.ones(8), atol=1e-3, rtol=0)


def test_a_constant_feature_and_a_single_sample_give_finite_gradients():
    for kind in ("orthogonal", "subspace"):
        piece = adapter(kind, [(1, 6)], [(1, 10)], standardise="both")
        feature = torch.ones(1, 6, requires_grad=True)
        (student,), (teacher,) = piece([feature], [torch.ones(1, 10)])
        (student - teacher).square().mean().backward()
        assert feature.grad.isfinite().all()
        assert piece.maps[0].free.grad.isfinite().all()


@pytest.mark.parametrize("kind", ["orthogonal", "subspace"])
def test_a_teacher_that_is_the_student_turned_can_be_brought_to_no_distance(kind):
    torch.manual_seed(0)
    student, turn = torch.randn(64, 4), torch.linalg.qr(torch.randn(5, 4)).Q.T
    piece = adapter(kind, [(64, 4)], [(64, 5)], standardise="none")
    optimizer = torch.optim.Adam(piece.parameters(), lr=0.05)
    for _ in range(300):
        (ours,), (theirs,) = piece([student], [student @ turn])
        loss = (ours - theirs).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss < 1e-3


def test_a_subspace_is_twice_as_wide_as_the_wider_side_unless_it_is_told():
    (student,), _ = adapter("subspace", [(4, 6)], [(4, 10)])([torch.randn(4, 6)], [torch.randn(4, 10)])
    assert student.shape == (4, 20)


def test_a_space_narrower_than_a_side_is_refused():
    with pytest.raises(ValueError, match="take a width of at least 10"):
        adapter("subspace", [(4, 6)], [(4, 10)], width=8)


def test_the_state_dict_holds_both_lifts():
    one, other = (adapter("subspace", [(4, 6)], [(4, 10)]) for _ in range(2))
    other.load_state_dict(one.state_dict())
    student, teacher = torch.randn(4, 6), torch.randn(4, 10)
    for ours, theirs in zip(one([student], [teacher]), other([student], [teacher]), strict=True):
        assert torch.equal(ours[0], theirs[0])


def test_half_precision_features_are_projected_in_the_matrix_s_precision():
    for kind in ("orthogonal", "subspace"):
        piece = adapter(kind, [(4, 6)], [(4, 10)])
        (student,), _ = piece([torch.randn(4, 6).bfloat16()], [torch.randn(4, 10).bfloat16()])
        assert student.dtype == torch.float32
