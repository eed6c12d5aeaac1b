"""Padding counts nowhere: what stands there, and for token-wise distances how much of it there is, changes nothing."""

import pytest
import torch
from distance_cases import MASK, cases
from distance_rows import ROWS

from kdcore.models import landmarks
from kdcore.models.encoder import Encoder
from kdcore.objective import adapter, distance
from kdcore.objective.padding import reads_tokens, rows_that_count, without_padding
from kdcore.objective.points import Capture

ON_TOKENS = [
    case
    for name in ROWS
    for case in cases(name)
    if case.kind in ("tokens", "token layers", "scores") and case.options.get("keys") != "all"
]
BY_TOKEN = ("hint", "mse", "smooth_l1", "cosine", "vid", "hidden", "attention_relation")


def measured(piece, student, teacher, case, mask):
    context = {**case.inputs().context, "mask": mask}
    loss = piece(student, teacher, case.inputs().target, context=context)
    loss.backward()
    return loss.detach()


def spoilt(layers, mask):
    """The same layers with other numbers at padding, some of them infinite."""
    keep = mask.bool()
    found = []
    for layer in layers:
        other = layer.clone()
        if layer.ndim == 3:
            other[~keep] = torch.inf
        else:
            pairs = (keep[:, None, :, None] & keep[:, None, None]).expand_as(other)
            other[~pairs] = torch.nan
        found.append(other.requires_grad_())
    return found


def listed(layers):
    return layers if len(layers) > 1 else layers[0]


@pytest.mark.parametrize("case", ON_TOKENS, ids=str)
def test_what_stands_at_padding_changes_neither_loss_nor_gradient(case):
    inputs = case.inputs()
    plain = [layer.clone().requires_grad_() for layer in inputs.student]
    other = spoilt(inputs.student, MASK)
    one = measured(case.fresh(), listed(plain), listed(inputs.teacher), case, MASK)
    two = measured(case.fresh(), listed(other), listed(spoilt(inputs.teacher, MASK)), case, MASK)
    assert one.isfinite()
    assert torch.equal(one, two)
    assert all(torch.equal(a.grad, b.grad) for a, b in zip(plain, other, strict=True))


@pytest.mark.parametrize("name", BY_TOKEN)
def test_the_length_to_which_a_batch_is_padded_does_not_matter(name):
    case = next(case for case in cases(name) if case.kind == "tokens" and not case.options)
    student, teacher = case.inputs().student[0], case.inputs().teacher[0]
    longer = torch.nn.functional.pad(student, (0, 0, 0, 3)), torch.nn.functional.pad(teacher, (0, 0, 0, 3), value=7.0)
    short = case.fresh()(student, teacher, context={"mask": MASK})
    long = case.fresh()(*longer, context={"mask": torch.nn.functional.pad(MASK, (0, 3))})
    assert torch.allclose(short, long, rtol=1e-12)


@pytest.mark.parametrize("name", ["mse", "smooth_l1", "cosine", "vid"])
def test_a_mask_that_counts_every_token_changes_nothing(name):
    case = next(case for case in cases(name) if case.kind == "tokens" and not case.options)
    sides = case.inputs().student[0], case.inputs().teacher[0]
    masked = case.fresh()(*sides, context={"mask": torch.ones_like(MASK)})
    assert torch.allclose(masked, case.fresh()(*sides), rtol=1e-12)


@pytest.mark.parametrize("name", BY_TOKEN)
def test_a_batch_of_padding_alone_costs_a_finite_number(name):
    case = next(case for case in cases(name) if case.kind == "tokens" and not case.options)
    student = case.inputs().student[0].requires_grad_()
    loss = case.fresh()(student, case.inputs().teacher[0], context={"mask": torch.zeros_like(MASK)})
    loss.backward()
    assert loss.isfinite()
    assert not student.grad.any()


def test_a_cosine_over_two_counted_tokens_is_their_mean():
    student = torch.tensor([[[1.0, 0.0], [0.0, 2.0], [5.0, 5.0]]])
    teacher = torch.tensor([[[3.0, 0.0], [1.0, 0.0], [-5.0, -5.0]]])
    loss = distance("cosine")(student, teacher, context={"mask": torch.tensor([[1, 1, 0]])})
    assert loss.item() == pytest.approx(0.5)


def test_features_that_are_no_tokens_of_the_mask_stay_what_they_are():
    for shape in [(6, 4), (6, 4, 4), (6, 3, 5, 4)]:
        feature = torch.randn(shape)
        assert without_padding(feature, MASK) is feature
        assert rows_that_count(feature, MASK) is feature


def test_a_network_that_reads_tokens_tells_which_count():
    encoder = Encoder(9, 1, 4, 1, 5, 2, padding=8)
    found = reads_tokens([torch.nn.Linear(2, 2), encoder])
    assert found is encoder
    assert found.token_mask(torch.tensor([[1, 0, 8]])).tolist() == [[True, True, False]]
    assert reads_tokens([torch.nn.Linear(2, 2)]) is None


@pytest.mark.parametrize("kind", ["auto", "linear", "orthogonal"])
def test_encoders_of_other_widths_are_compared_by_real_tokens_alone(kind):
    torch.manual_seed(0)
    student, teacher = Encoder(30, 2, 12, 2, 16, 3).eval(), Encoder(30, 4, 20, 4, 16, 3).eval()
    ids = torch.randint(1, 30, (4, 9))
    ids[1:, 6:] = 0
    adapt, losses = None, []
    for given in (ids, torch.nn.functional.pad(ids, (0, 7))):
        mask = student.token_mask(given)
        with Capture(student, landmarks(student).features[-1:]) as own, Capture(teacher, ["blocks.3"]) as followed:
            features = [own(given)["blocks.1"]], [followed(given)["blocks.3"]]
        torch.manual_seed(1)
        adapt = adapt or adapter(kind, [tuple(features[0][0].shape)], [tuple(features[1][0].shape)])
        sides = adapt(*[[without_padding(one, mask) for one in side] for side in features])
        losses.append(distance("hidden")(sides[0][0], sides[1][0], context={"mask": mask}))
    assert torch.allclose(*losses, rtol=1e-4)
