"""Optimisers, schedules, averages and early stopping as a spec asks for them: what is filled in and what is refused."""

import pytest

from kdcore.spec import Plan, SpecError, parse_spec
from kdcore.spec.training import Average, EarlyStopping, LearningRateSchedule, Optimizer

SPEC = {"name": "x", "dataset": {"name": "digits"}, "student": {"architecture": "resnet8"}, "method": "hinton"}


def problem(**training):
    with pytest.raises(SpecError) as caught:
        parse_spec({**SPEC, "training": training})
    (found,) = caught.value.problems
    return found


@pytest.mark.parametrize(
    ("name", "lr", "decay", "own"),
    [
        ("sgd", 0.05, 5e-4, {"momentum": 0.9, "nesterov": True}),
        ("adamw", 1e-3, 0.01, {"betas": (0.9, 0.999)}),
        ("adafactor", 0.01, 0.0, {}),
        ("rmsprop", 1e-3, 5e-4, {"momentum": 0.0, "alpha": 0.9}),
    ],
)
def test_what_is_left_out_is_as_the_optimiser_has_it(name, lr, decay, own):
    made = Optimizer(name=name)
    assert (made.lr, made.weight_decay) == (lr, decay)
    options = {option: getattr(made, option) for option in ("momentum", "nesterov", "alpha", "betas")}
    assert {option: value for option, value in options.items() if value is not None} == own


def test_what_is_said_stands():
    made = Optimizer(name="rmsprop", lr=0.005, alpha=0.99, momentum=0.5, weight_decay=0)
    assert (made.lr, made.alpha, made.momentum, made.weight_decay) == (0.005, 0.99, 0.5, 0)


@pytest.mark.parametrize(
    ("name", "option", "value", "owners"),
    [
        ("adamw", "nesterov", True, "sgd"),
        ("adamw", "momentum", 0.9, "sgd or rmsprop"),
        ("adafactor", "betas", [0.9, 0.99], "adamw"),
        ("sgd", "alpha", 0.9, "rmsprop"),
    ],
)
def test_an_option_that_the_optimiser_does_not_have_is_refused_where_it_stands(name, option, value, owners):
    found = problem(optimizer={"name": name, option: value})
    assert found.pointer == f"/training/optimizer/{option}"
    assert f"{name} has no {option}: leave it out, or take {owners}" in found.message


def test_an_unknown_optimiser_is_one_problem_at_its_name():
    assert problem(optimizer={"name": "lion", "momentum": 0.9}).pointer == "/training/optimizer/name"
    assert problem(optimizer={"name": ["sgd"]}).pointer == "/training/optimizer/name"


@pytest.mark.parametrize("model", [Optimizer, LearningRateSchedule])
def test_what_was_filled_in_survives_the_way_through_a_plan(model):
    for name in model.OPTIONS:
        made = model(name=name)
        assert model.model_validate(made.model_dump(mode="json")) == made


@pytest.mark.parametrize("name", ["sgd", "adamw", "adafactor", "rmsprop"])
def test_a_plan_is_read_again_as_it_was_written(tiny_plan, name):
    written = tiny_plan(training={"optimizer": {"name": name}, "schedule": {"name": "one_cycle"}})
    assert Plan.model_validate(written.document()).document() == written.document()


@pytest.mark.parametrize(
    ("schedule", "field", "says"),
    [
        ({"name": "one_cycle", "warmup_epochs": 2}, "warmup_epochs", "one_cycle has no warmup_epochs"),
        ({"name": "cosine", "gamma": 0.1}, "gamma", "cosine has no gamma: leave it out, or take step"),
        ({"name": "step", "floor": 0.1}, "floor", "step has no floor"),
        ({"name": "exponential", "floor": 0}, "floor", "never reaches 0"),
        ({"name": "step", "milestones": [0.5, 0.25]}, "milestones", "in order"),
        ({"name": "step", "milestones": [0.5, 10]}, "milestones", "do not mix"),
        ({"name": "step", "milestones": []}, "milestones", "at least 1 item"),
    ],
)
def test_a_schedule_s_options_are_checked_where_they_stand(schedule, field, says):
    found = problem(schedule=schedule)
    assert found.pointer == f"/training/schedule/{field}"
    assert says in found.message


def test_milestones_are_shares_or_epochs():
    assert LearningRateSchedule(name="step", milestones=(0.5, 0.75)).milestones == (0.5, 0.75)
    assert LearningRateSchedule(name="step", milestones=(1, 30)).milestones == (1, 30)


@pytest.mark.parametrize(("model", "wrong"), [(Average, {"decay": 1}), (EarlyStopping, {"patience": 0})])
def test_an_average_that_never_moves_and_a_patience_of_nothing_are_refused(model, wrong):
    with pytest.raises(ValueError, match=r"less than 1|greater than or equal to 1"):
        model(**wrong)
