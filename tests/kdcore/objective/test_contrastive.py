"""CRD: which remembered embedding belongs to this picture?"""

import copy
import math

import pytest
import torch
import torch.nn.functional as F
from learned_parts import gradients, noise, round_trip

from kdcore.objective import distance
from kdcore.objective.distances import UNLABELLED

SAMPLES = 40
S, T = noise(8, 6), noise(8, 3, 2, 2, seed=1)
INDEX = torch.arange(8)
LABELS = torch.tensor([0, 1, 2, 3, 0, 1, 2, 3])


def sized(samples=SAMPLES, seed=0, **options):
    torch.manual_seed(seed)
    piece = distance("crd", **{"dim": 5, "negatives": 12, **options})
    piece.size(tuple(S.shape), tuple(T.shape), samples)
    return piece.double()


def look(piece, target=LABELS, step=0, index=INDEX, s=S, t=T, **context):
    return piece(s, t, target, context={"index": index, "step": step, **context})


def test_similarities_that_are_all_equal_give_the_loss_of_guessing():
    """With one embedding for all, P = 1 / n for the picture and for each of its m others."""
    piece = sized(negatives=SAMPLES, negatives_from="others")
    for layer in (piece.student, piece.teacher):
        layer.weight.data.zero_()
        layer.bias.data.copy_(F.one_hot(torch.tensor(0), 5))
    for bank in (piece.banks.student, piece.banks.teacher):
        bank.copy_(F.one_hot(torch.zeros(SAMPLES, dtype=torch.long), 5))
    others = SAMPLES - 1
    one_side = -(math.log(1 / (1 + others)) + others * math.log(others / (1 + others)))
    assert look(piece).item() == pytest.approx(2 * one_side, rel=1e-6)


def test_the_loss_falls_when_student_and_teacher_embed_a_picture_alike():
    piece = sized(negatives_from="others")
    piece.teacher = copy.deepcopy(piece.student)
    alike = look(piece, t=S)
    for _ in range(5):
        look(piece, t=S)
        piece.advance()
    assert look(piece, t=S) < alike
    assert look(piece, t=S) < look(piece, t=S.roll(1, 0))


def test_forward_is_pure_and_advance_moves_the_batch_s_rows_alone():
    piece = sized(momentum=0.5)
    before = {name: tensor.clone() for name, tensor in piece.state_dict().items()}
    assert look(piece) == look(piece)
    assert all(torch.equal(before[name], tensor) for name, tensor in piece.state_dict().items())
    piece.advance()
    bank = piece.banks.student
    assert torch.equal(bank[8:], before["banks.student"][8:])
    embedded = F.normalize(piece.student(S), dim=1)
    expected = F.normalize(0.5 * before["banks.student"][:8] + 0.5 * embedded, dim=1)
    torch.testing.assert_close(bank[:8], expected)
    assert torch.equal(piece.banks.labels[:8], LABELS)


def test_advance_without_a_look_and_looks_without_gradient_change_nothing():
    piece = sized()
    before = copy.deepcopy(piece.state_dict())
    with torch.no_grad():
        look(piece)
    piece.advance()
    assert all(torch.equal(before[name], tensor) for name, tensor in piece.state_dict().items())


def test_the_micro_batches_of_a_step_are_all_remembered():
    whole, parts = sized(), sized()
    look(whole)
    for part in (slice(0, 4), slice(4, 8)):
        look(parts, LABELS[part], index=INDEX[part], s=S[part], t=T[part])
    whole.advance()
    parts.advance()
    torch.testing.assert_close(parts.banks.student, whole.banks.student)


def test_the_first_batch_sets_the_normalisers_for_good():
    piece = sized()
    look(piece)
    piece.advance()
    first = piece.banks.normalisers.clone()
    look(piece, s=3 * S)
    piece.advance()
    assert first.isfinite().all()
    assert torch.equal(piece.banks.normalisers, first)


def test_a_step_draws_the_same_others_twice_and_another_step_others():
    piece = sized(negatives_from="others")
    assert look(piece, step=3) == look(piece, step=3)
    assert look(piece, step=3) != look(piece, step=4)
    assert sized(seed=0)(S, T, LABELS, context={"index": INDEX, "step": 3}) == look(sized(), step=3)


def test_remembered_samples_of_the_same_class_are_not_told_apart():
    piece = sized(negatives=SAMPLES)
    piece.banks.labels.copy_(torch.arange(SAMPLES) % 4)
    piece.banks.normalisers.zero_()
    one = {"index": INDEX[:1], "s": S[:1], "t": T[:1], "target": LABELS[:1]}
    expected = look(piece, **one)
    piece.banks.teacher[4] = -piece.banks.teacher[4]  # of class 0, as the picture
    assert look(piece, **one) == expected
    piece.banks.teacher[5] = -piece.banks.teacher[5]
    assert look(piece, **one) != expected


def test_samples_without_a_label_count_as_others():
    piece = sized(negatives=SAMPLES)
    unlabelled = torch.full_like(LABELS, UNLABELLED)
    torch.testing.assert_close(look(piece, unlabelled), look(sized(negatives=SAMPLES, negatives_from="others")))


def test_given_others_are_those_of_the_context():
    piece = sized(negatives_from="others", negatives=SAMPLES)
    others = torch.stack([torch.tensor([i, *(j for j in range(SAMPLES) if j != i)]) for i in range(8)])
    torch.testing.assert_close(look(piece, contrast=others), look(piece))


def test_both_embeddings_learn_and_the_teacher_s_feature_gets_no_gradient():
    piece, student, teacher = sized(), S.clone().requires_grad_(), T.clone().requires_grad_()
    found = gradients(look(piece, s=student, t=teacher), student, teacher, piece.student.weight, piece.teacher.weight)
    assert found[1] is None
    assert all(found[i].abs().sum() > 0 for i in (0, 2, 3))


def test_the_gradient_is_the_finite_difference():
    piece, few = sized(), slice(0, 3)
    piece.banks.normalisers.zero_()  # before the first step they follow from the batch, as constants
    student = S[few].clone().requires_grad_()
    assert torch.autograd.gradcheck(lambda s: look(piece, LABELS[few], index=INDEX[few], s=s, t=T[few]), student)


@pytest.mark.parametrize("samples", [1, SAMPLES, 0])
@pytest.mark.parametrize("labels", [[0], [2, 2], [UNLABELLED, 0]])
def test_degenerate_batches_stay_finite(samples, labels):
    piece, count = sized(samples), len(labels)
    student = torch.zeros(count, 6, dtype=torch.float64, requires_grad=True)
    index = torch.zeros(count, dtype=torch.long)
    for _ in range(3):
        loss = look(piece, torch.tensor(labels), index=index, s=student, t=torch.ones(count, 3, 2, 2).double())
        loss.backward()
        piece.advance()
    assert loss.isfinite()
    assert student.grad.isfinite().all()


def test_similarities_at_a_tiny_temperature_stay_finite_in_float32():
    piece = sized(temperature=1e-4).float()
    student = S.float().requires_grad_()
    loss = look(piece, s=student, t=T.float())
    loss.backward()
    assert loss.isfinite()
    assert student.grad.isfinite().all()


def test_without_a_memory_and_in_evaluation_the_batch_itself_is_told_apart():
    unsized = distance("crd", dim=5)
    assert look(unsized).isfinite()
    assert unsized.banks is None
    piece = sized()
    expected = look(piece.eval())
    piece.banks.teacher.neg_()
    assert look(piece) == expected
    assert look(piece, index=INDEX + 10 * SAMPLES) == expected


@pytest.mark.parametrize("samples", [SAMPLES, 0])
def test_a_state_dict_comes_back_memory_included(samples):
    piece = sized(samples)
    look(piece)
    piece.advance()
    context = {"index": INDEX}
    assert round_trip(piece, sized(samples, seed=1), S, T, LABELS, context=context)
    assert round_trip(piece, distance("crd", dim=5, negatives=12), S, T, LABELS, context=context)


def test_half_precision_is_measured_in_float32():
    piece = sized().float()
    with torch.autocast("cpu", torch.bfloat16):
        loss = look(piece, s=S.bfloat16(), t=T.bfloat16())
    assert loss.dtype == torch.float32


def test_a_missing_index_is_said_so():
    with pytest.raises(ValueError, match="needs index"):
        sized()(S, T, LABELS)
