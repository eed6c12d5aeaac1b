"""Leading singular vectors of layers: agreement, gradients, and matrices that have no such vectors."""

import pytest
import torch

from kdcore.objective import distance
from kdcore.objective.distances.singular import leading

SHAPES = [(2, 4, 3, 3), (2, 5, 3, 3), (2, 6, 2, 2)]


def noise(shape, seed=0, dtype=torch.float64):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def layers(seed=0, dtype=torch.float64):
    return [noise(shape, seed + 10 * number, dtype) for number, shape in enumerate(SHAPES)]


def test_equal_layers_cost_nothing():
    assert distance("kdsvd", k=2)(layers(), layers()).item() == pytest.approx(0, abs=1e-20)


@pytest.mark.parametrize("factor", [3.0, -1.0])
def test_neither_scale_nor_sign_of_the_student_changes_its_vectors(factor):
    scaled = [factor * layer for layer in layers()]
    expected = distance("kdsvd", k=2)(layers(), layers(1))
    torch.testing.assert_close(distance("kdsvd", k=2)(scaled, layers(1)), expected)


def test_the_gradient_is_the_finite_difference_also_with_more_channels_than_positions():
    teachers = layers(1)
    students = [layer.requires_grad_() for layer in layers()]
    assert torch.autograd.gradcheck(lambda *given: distance("kdsvd")(list(given), teachers), students)


def test_the_vectors_are_those_of_the_decomposition():
    feature = noise((2, 5, 3, 3))
    values, vectors = leading(feature, 3)
    _, expected, conjugate = torch.linalg.svd(feature.flatten(2).transpose(1, 2), full_matrices=False)
    torch.testing.assert_close(values, expected[:, :3])
    torch.testing.assert_close(vectors, conjugate.transpose(1, 2)[..., :3])


def test_no_gradient_reaches_the_teachers_layers():
    students, teachers = [[layer.requires_grad_() for layer in layers(seed)] for seed in (0, 1)]
    distance("kdsvd")(students, teachers).backward()
    assert all(teacher.grad is None for teacher in teachers)
    assert all(student.grad.abs().sum() > 0 for student in students)


@pytest.mark.parametrize("kind", ["zero", "constant", "orthogonal", "huge"])
def test_layers_without_determined_vectors_stay_finite(kind):
    degenerate = {
        "zero": torch.zeros(2, 4, 2, 2),
        "constant": torch.ones(2, 4, 2, 2),
        "orthogonal": torch.eye(4).expand(2, 4, 4).reshape(2, 4, 2, 2).clone(),
        "huge": 1e4 * noise((2, 4, 2, 2), dtype=torch.float32),
    }[kind]
    students = [degenerate.clone().requires_grad_() for _ in range(2)]
    loss = distance("kdsvd", k=2)(students, [noise((2, 4, 2, 2), 3, torch.float32)] * 2)
    loss.backward()
    assert loss.isfinite()
    assert all(student.grad.isfinite().all() for student in students)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_layers_are_measured_in_float32(dtype):
    students, teachers = ([layer.to(dtype) for layer in layers(seed)] for seed in (0, 1))
    loss = distance("kdsvd")(students, teachers)
    assert loss.dtype == torch.float32
    assert loss == distance("kdsvd")([s.float() for s in students], [t.float() for t in teachers])


def test_a_shuffled_teacher_costs_more_than_the_true_one():
    teachers = [noise((16, *shape[1:]), number) for number, shape in enumerate(SHAPES)]
    students = [teacher + 0.02 * noise(teacher.shape, 9) for teacher in teachers]
    piece = distance("kdsvd")
    assert piece(students, [teacher.roll(1, 0) for teacher in teachers]) > 3 * piece(students, teachers)


def test_one_layer_or_other_channels_are_refused():
    with pytest.raises(ValueError, match="two layers or more"):
        distance("kdsvd")(layers()[:1], layers()[:1])
    with pytest.raises(ValueError, match=r"equal channels .* use an adapter"):
        distance("kdsvd")(layers()[:2], [noise((2, 7, 3, 3)), noise((2, 5, 3, 3))])
