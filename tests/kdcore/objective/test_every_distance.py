"""Claims that every distance keeps in every form, or a reason in ``distance_rows`` why it does not."""

import copy
from dataclasses import replace
from itertools import product

import pytest
import torch
from distance_cases import LABELS, SHAPES, Case, cases
from distance_rows import CLAIMS, ROWS
from stumbling import degenerate, extremes

from kdcore.objective import distance
from kdcore.spec.rooms import DISTANCES

STEP = 1e-6
HALF = (torch.bfloat16, torch.float16)
STATEFUL = [case for name in ROWS for case in cases(name) if case.stateful]
BY_KIND = {
    "features": ("vectors", "maps", "tokens", "scores", "small maps", "more tokens", "more scores"),
    "logits": ("logits", "pixel logits", "token logits"),
    "labels": ("labels", "pixel labels", "token labels"),
}
EVERY = pytest.mark.parametrize("name", ROWS)


def excused(case, claim, holds):
    """Whether the claim is kept, or excused: an excuse that is not needed is one that hides something."""
    if case.excuse(claim) and claim != "shuffle":  # an untrained distance may see a shuffled batch by chance
        assert not holds, f"{case}: keeps {claim!r} after all: take its excuse out of distance_rows.ROWS"
    return bool(case.excuse(claim))


def gradients(piece, inputs):
    """Gradients of the student's side and of what the distance learns; None where there is none."""
    inputs.measured(piece).backward()
    return [one.grad for one in (*inputs.student, *piece.parameters())]


def is_finite(piece, inputs):
    asking = inputs.asking()
    loss = asking.measured(piece)
    loss.backward()
    found = [one.grad for one in (*asking.student, *piece.parameters()) if one.grad is not None]
    return bool(loss.isfinite()) and all(gradient.isfinite().all() for gradient in found)


def same_state(first, second):
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


def snapshot(piece):
    return copy.deepcopy(piece.state_dict())


def said(holds, what=""):
    """The sentence with which a claim is refused, if it is; otherwise it holds."""
    try:
        assert holds(), what
    except ValueError as error:
        sentence = str(error)
        if len(sentence.split()) >= 5 and "\n" not in sentence:
            return sentence
        raise
    return ""


def test_every_distance_has_a_row_that_says_what_it_is_tried_on():
    missing, gone = sorted(set(DISTANCES) - set(ROWS)), sorted(set(ROWS) - set(DISTANCES))
    advice = (
        f"add rows for {', '.join(missing)} to ROWS in tests/support/distance_rows.py: the kinds of inputs they read "
        f"({', '.join(SHAPES)}), further options worth trying, and a reason for each of {', '.join(CLAIMS)} not kept"
    )
    assert not missing, advice
    assert not gone, f"no distance is called {', '.join(gone)} any more: take the rows out"


def test_rows_name_kinds_and_claims_that_exist():
    for name, row in ROWS.items():
        assert set(row.kinds) <= set(SHAPES), name
        assert set(row.but) <= set(CLAIMS), name


@EVERY
def test_the_loss_is_a_finite_number_with_a_finite_gradient(name):
    for case, dtype in product(cases(name), (torch.float64, torch.float32)):
        piece, inputs = case.fresh(dtype), case.inputs(dtype).asking()
        loss = inputs.measured(piece)
        assert loss.shape == (), case
        assert loss.dtype == dtype, case
        assert loss.isfinite(), case
        for gradient in gradients(piece, inputs)[: len(inputs.student)]:
            assert gradient is not None, case
            assert gradient.isfinite().all(), case
            assert gradient.any(), case


@EVERY
def test_a_student_that_says_what_its_teacher_says_costs_nothing(name):
    for case in cases(name):
        loss = case.inputs().equal().measured(case.fresh()).item()
        assert excused(case, "zero", abs(loss) <= 1e-6) or abs(loss) <= 1e-6, f"{case}: {loss} at equality"


@EVERY
def test_no_gradient_reaches_the_teacher(name):
    for case in cases(name):
        inputs = case.inputs().asking()
        gradients(case.fresh(), inputs)
        followed = [*(inputs.teacher or []), inputs.context.get("teacher_logits")]
        head = inputs.context.get("teacher_head")
        followed += [] if head is None else list(head.parameters())
        assert all(one is None or one.grad is None for one in followed), case


@EVERY
def test_the_gradient_is_that_of_finite_differences(name):
    for case in cases(name):
        piece, inputs = case.fresh(), case.inputs().asking()
        learned = [one for label, one in piece.named_parameters() if not label.endswith("theta")]  # climbs on purpose
        leaves = [*inputs.student, *learned]
        leaves += [inputs.context[label] for label in ("student_logits",) if label in inputs.context]
        gradients(piece, inputs)
        generator = torch.Generator().manual_seed(1)
        directions = [torch.randn(one.shape, generator=generator, dtype=one.dtype) for one in leaves]
        pairs = [(one.grad, way) for one, way in zip(leaves, directions, strict=True) if one.grad is not None]
        slope = sum(float((gradient * way).sum()) for gradient, way in pairs)
        found = difference(piece, inputs, leaves, directions)
        close = slope == pytest.approx(found, rel=1e-4, abs=1e-7)
        assert excused(case, "gradient", close) or close, f"{case}: {slope} against {found}"


@torch.no_grad()
def difference(piece, inputs, leaves, directions):
    """The central difference of the loss along one direction of all leaves."""
    found = []
    for step in (STEP, -2 * STEP):
        for one, way in zip(leaves, directions, strict=True):
            one.add_(step * way)
        found.append(inputs.measured(piece).item())
    return (found[0] - found[1]) / (2 * STEP)


@EVERY
def test_looking_changes_nothing_and_only_advance_moves_what_is_remembered(name):
    for case in cases(name):
        piece, inputs = case.fresh(), case.inputs().asking()
        before = snapshot(piece)
        first, second = inputs.measured(piece), inputs.measured(piece)
        assert torch.equal(first, second), case
        assert same_state(before, piece.state_dict()), case
        piece.advance()
        moved = snapshot(piece)
        assert same_state(before, moved) != case.remembers, case
        piece.advance()
        assert same_state(moved, piece.state_dict()), case


@pytest.mark.parametrize("case", STATEFUL, ids=str)
def test_a_fresh_one_goes_on_where_a_state_dict_was_taken(case):
    piece, inputs = case.fresh(), case.inputs().asking()
    inputs.measured(piece)
    piece.advance()
    for one in piece.state_dict().values():
        one.add_(0.1 if one.is_floating_point() else 0)
    expected = inputs.measured(piece)
    assert not torch.equal(inputs.measured(case.fresh()), expected)
    for sized in (True, False):
        fresh = case.fresh(sized=sized, seed=1)
        fresh.load_state_dict(snapshot(piece))
        assert torch.equal(inputs.measured(fresh), expected)


@EVERY
def test_half_precision_says_about_what_single_precision_says(name):
    for case in cases(name):
        piece, inputs = case.fresh(torch.float32), case.inputs(torch.float32)
        expected = inputs.measured(piece).item()
        for dtype in HALF:
            with torch.autocast("cpu", torch.bfloat16):
                loss = inputs.to(dtype).measured(piece)
            assert loss.dtype == torch.float32, case
            assert loss.item() == pytest.approx(expected, rel=5e-2), f"{case} in {dtype}"


@EVERY
def test_what_a_dead_or_lost_network_says_gives_a_finite_loss_and_gradient(name):
    for case in cases(name):
        for what, inputs in extremes(case):
            assert is_finite(case.fresh(torch.float32), inputs), f"{case}: {what}"


@EVERY
def test_batches_of_which_too_little_is_left_are_measured_or_refused_in_words(name):
    for case in cases(name):
        for what, inputs in degenerate(case):
            said(lambda c=case, given=inputs: is_finite(c.fresh(torch.float32), given), f"{case}: {what}")


@EVERY
def test_the_order_of_the_batch_does_not_matter(name):
    order = torch.tensor([3, 1, 5, 0, 4, 2])
    for case in cases(name):
        inputs = case.inputs()
        loss, other = (one.measured(case.fresh()).item() for one in (inputs, inputs.at(order)))
        same = other == pytest.approx(loss, rel=1e-6, abs=1e-9)
        assert excused(case, "order", same) or same, f"{case}: {loss} and {other}"


@EVERY
def test_a_shuffled_teacher_hurts_where_samples_are_paired_and_nowhere_else(name):
    for case in cases(name):
        inputs = case.inputs().equal()
        equal, shuffled = (one.measured(case.fresh()).item() for one in (inputs, inputs.shuffled()))
        seen = shuffled > equal + 1e-6 if case.paired else shuffled == pytest.approx(equal, rel=1e-6, abs=1e-6)
        assert excused(case, "shuffle", seen) or seen, f"{case}: {equal}, then {shuffled}"


@EVERY
def test_tensors_of_any_two_kinds_are_measured_or_refused_in_words(name):
    kinds = BY_KIND[DISTANCES[name].reads]
    for own, other, wider in product(kinds, kinds, (0, 3)):
        case, followed = Case(name, {}, own), Case(name, {}, other).inputs(wider=wider)
        inputs = replace(case.inputs(wider=wider), teacher=followed.teacher)
        refusal = said(lambda c=case, given=inputs: given.measured(c.fresh(sized=False)).isfinite(), f"{case}, {other}")
        assert not refusal or wider or own != other or own not in ROWS[name].kinds, f"{case}: {refusal}"


@pytest.mark.parametrize("name", [name for name in ROWS if distance(name).needs])
def test_what_a_distance_cannot_do_without_is_said_in_the_table_and_when_it_is_missing(name):
    case, needs = cases(name)[0], distance(name).needs
    inputs = case.inputs()
    assert set(DISTANCES[name].needs) == needs - {"target"}
    for need in needs:
        target = None if need == "target" else LABELS
        context = {label: one for label, one in inputs.context.items() if label != need}
        with pytest.raises(ValueError, match=need):
            case.fresh()(inputs.student[0], inputs.teacher and inputs.teacher[0], target, context=context)
