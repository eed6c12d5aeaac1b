"""Claims that every adapter keeps in every form, alone and inside a term."""

import copy
from itertools import product

import pytest
import torch
from adapter_cases import ANY, ROWS, Case, asking, cases, learned, loss

from kdcore.errors import EngineError
from kdcore.objective import adapter
from kdcore.spec.rooms import ADAPTERS


def running(module):
    return {name: one for name, one in module.state_dict().items() if "running" in name or "tracked" in name}


CASES = cases()
EVERY = pytest.mark.parametrize("case", CASES, ids=str)
WITH_WEIGHTS = pytest.mark.parametrize("case", [case for case in CASES if learned(case.module())], ids=str)


def is_sentence(message):
    return len(message.split()) >= 5 and "\n" not in message and "zip()" not in message


def test_every_adapter_has_a_row_that_says_what_it_is_tried_on():
    missing, gone = sorted(set(ADAPTERS) - set(ROWS)), sorted(set(ROWS) - set(ADAPTERS))
    advice = (
        f"add rows for {', '.join(missing)} to ROWS in tests/support/adapter_cases.py: layers of both sides that they "
        "join, layers that they refuse, and further options worth trying"
    )
    assert not missing, advice
    assert not gone, f"no adapter is called {', '.join(gone)} any more: take the rows out"


@EVERY
def test_both_sides_come_out_in_the_same_shapes(case):
    piece = adapter(case.kind, *case.shapes(), **case.options)
    students, teachers = piece(*([torch.ones(shape) for shape in side] for side in case.shapes()))
    assert [one.shape for one in students] == [one.shape for one in teachers]
    assert students


@EVERY
def test_the_gradient_reaches_adapter_and_student_and_never_the_teacher(case):
    term, spoken = case.module(), asking(case.spoken())
    loss(term, spoken).backward()
    assert all(one.grad is not None and one.grad.any() for one in spoken["student"].values())
    assert all(one.grad is None for one in spoken["teacher"].values())
    silent = [name for name, one in learned(term).items() if one.grad is None or not one.grad.any()]
    assert not silent


@WITH_WEIGHTS
def test_a_fresh_term_goes_on_where_a_state_dict_was_taken(case):
    term, spoken = case.module(), case.spoken()
    for one in term.state_dict().values():
        one.add_(torch.linspace(0, 0.1, one.numel()).reshape(one.shape) if one.is_floating_point() else 1)
    fresh, expected = case.module(seed=1), loss(term.eval(), spoken)
    assert not torch.equal(loss(copy.deepcopy(fresh).eval(), spoken), expected)
    fresh.load_state_dict(term.state_dict())
    assert torch.equal(loss(fresh.eval(), spoken), expected)


@EVERY
def test_bfloat16_features_pass_in_single_precision(case):
    term, other = case.module(), case.module()
    expected = loss(other, case.spoken()).item()
    found = loss(term, case.spoken(torch.bfloat16))
    assert found.dtype == torch.float32
    assert all(one.dtype == torch.float32 for one in learned(term).values())
    assert found.item() == pytest.approx(expected, rel=5e-2)


@pytest.mark.parametrize("case", [case for case in CASES if list(running(case.module()))], ids=str)
def test_building_a_term_moves_no_running_statistic_and_a_step_does(case):
    term, untouched = case.module(), adapter(case.kind, *case.shapes(), **case.options)
    expected = running(untouched)
    assert all(torch.equal(one, expected[name]) for name, one in running(term.adapter).items())
    loss(term, case.spoken())
    assert not any(torch.equal(one, expected[name]) for name, one in running(term.adapter).items())


@pytest.mark.parametrize("kind", [kind for kind, row in ROWS.items() if row.refuses])
def test_layers_that_cannot_be_joined_are_refused_in_words_when_the_term_is_built(kind):
    for layers in ROWS[kind].refuses:
        case = Case(kind, {}, *layers)
        with pytest.raises(ValueError) as refused:
            adapter(kind, *case.shapes())
        assert is_sentence(str(refused.value)), case
        with pytest.raises(EngineError) as told:
            case.module()
        assert told.value.param == "/method", case
        assert str(refused.value) in told.value.message, case


@pytest.mark.parametrize("kind", ROWS)
def test_layers_of_any_two_kinds_are_joined_or_refused_in_words(kind):
    for student, teacher in product(ANY, ANY):
        case = Case(kind, {}, (student,), (teacher,))
        sides = [[torch.ones(shape) for shape in side] for side in case.shapes()]
        try:
            students, teachers = adapter(kind, *case.shapes())(*sides)
        except ValueError as error:
            if not is_sentence(str(error)):
                raise
        else:
            assert [one.shape for one in students] == [one.shape for one in teachers], case


@pytest.mark.parametrize("kind", ROWS)
def test_unequal_numbers_of_layers_are_joined_or_refused_in_words(kind):
    student, teacher = ROWS[kind].joins[0]
    case = Case(kind, {}, student[:1], teacher * 2)
    sides = [[torch.ones(shape) for shape in side] for side in case.shapes()]
    try:
        students, teachers = adapter(kind, *case.shapes())(*sides)
    except ValueError as error:
        if not is_sentence(str(error)):
            raise
    else:
        assert [one.shape for one in students] == [one.shape for one in teachers]
