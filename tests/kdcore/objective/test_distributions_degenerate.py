"""KD2M's distances on batches that formulae stumble over, and in half precision."""

import pytest
import torch
from feature_samples import EVERY_MODE, LABELS, cloud, logits

from kdcore.objective import distance
from kdcore.objective.distances import UNLABELLED


def batch(kind):
    """Student, teacher and labels of a batch that a formula may stumble over, float32 [., 4]."""
    student, teacher = cloud(6, 4, 1, torch.float32), cloud(6, 4, 2, torch.float32)
    same, ones = torch.zeros(6, dtype=torch.long), torch.ones(6, 4)
    return {
        "one sample": (student[:1], teacher[:1], same[:1]),
        "two samples": (student[:2], teacher[:2], torch.arange(2)),
        "one class": (student, teacher, same),
        "duplicates": (student[:1].repeat(6, 1), teacher[:1].repeat(6, 1), same),
        "duplicates of the teacher": (teacher[:1].repeat(6, 1), teacher[:1].repeat(6, 1), same),
        "half duplicates": (torch.cat([teacher[:3], teacher[:3]]), teacher, torch.tensor([0, 0, 0, 1, 1, 1])),
        "constant features": (ones, ones, same),
        "a constant feature": (student * torch.tensor([0, 1, 1, 1]), teacher * torch.tensor([0, 1, 1, 0]), same),
        "nothing but zeros": (0 * ones, 0 * ones, same),
        "zeros against features": (0 * ones, teacher, same),
        "features against zeros": (student, 0 * ones, same),
        "a class with one sample": (student, teacher, torch.tensor([0, 0, 0, 0, 0, 1])),
        "classes of one": (student, teacher, torch.arange(6)),
        "all unlabelled": (student, teacher, same + UNLABELLED),
        "huge": (1e6 * student, 1e6 * teacher, same),
        "tiny": (1e-12 * student, 1e-12 * teacher, same),
        "an outlier": (student + 1e4 * torch.eye(6)[:, :4], teacher, same),
    }[kind]


KINDS = [
    "one sample", "two samples", "one class", "duplicates", "duplicates of the teacher", "half duplicates",
    "constant features", "a constant feature", "nothing but zeros", "zeros against features",
    "features against zeros", "a class with one sample", "classes of one", "all unlabelled", "huge", "tiny",
    "an outlier",
]  # fmt: skip


@EVERY_MODE
@pytest.mark.parametrize("kind", KINDS)
def test_degenerate_batches_give_a_finite_loss_and_gradient(name, options, kind):
    student, teacher, labels = batch(kind)
    student = student.clone().requires_grad_()
    for scale in ("none", "teacher"):
        student.grad = None
        context = logits(len(student), torch.float32)
        loss = distance(name, scale=scale, **options)(student, teacher, labels, context=context)
        loss.backward()
        assert loss.isfinite()
        assert student.grad.isfinite().all()


@EVERY_MODE
def test_features_that_are_not_finite_give_a_loss_that_is_not_instead_of_an_error(name, options):
    student = cloud(dtype=torch.float32)
    student[3, 1] = float("nan")
    loss = distance(name, **options)(student, cloud(dtype=torch.float32), LABELS, context=logits(dtype=torch.float32))
    assert not loss.isfinite()


@EVERY_MODE
def test_half_precision_is_measured_in_float32_under_autocast(name, options):
    student, teacher = cloud(seed=1).to(torch.bfloat16), cloud(seed=2).to(torch.bfloat16)
    context = {key: value.to(torch.bfloat16) for key, value in logits().items()}
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = distance(name, **options)(student, teacher, LABELS, context=context)
    assert loss.dtype == torch.float32
    raised = {key: value.float() for key, value in context.items()}
    torch.testing.assert_close(
        loss, distance(name, **options)(student.float(), teacher.float(), LABELS, context=raised)
    )
