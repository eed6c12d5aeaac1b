"""Pieces in any composition: planned or refused with a pointer; what is planned takes sound steps or says why not."""

from collections import Counter

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from json_pointers import beyond
from random_methods import FORMS, FROZEN, OTHERS, jobs
from stepping import HINT, SOFT, TASK, Bench, method

from kdcore.errors import EngineError
from kdcore.objective.networks import fingerprint
from kdcore.spec import SpecError
from kdcore.spec.rooms import BALANCES, PATHS

FITTING = 0.7
"""Share of the drawn jobs without known faults that have to be planned, so that there is something to try; adapters are
drawn without a look at what they join."""

HARMLESS = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example]


def drawn(examples, *, wild=False):
    """The same jobs in every run."""
    known = settings(
        max_examples=examples, derandomize=True, database=None, deadline=None, suppress_health_check=HARMLESS
    )
    return lambda claim: known(given(jobs(wild=wild))(claim))


def is_sentence(message):
    return len(message.split()) >= 4 and "\n" not in message


def attempt(what, refusal):
    """What came of it, and the refusal of this kind if that was what came."""
    try:
        return what(), None
    except refusal as error:
        return None, error


def planned_or_refused(make, job):
    """Whether there is a plan; a refusal points into the spec, or at what is missing in a part of it."""
    _, error = attempt(lambda: make(**job), SpecError)
    assert error is None or error.problems
    for problem in [] if error is None else error.problems:
        assert problem.pointer.startswith("/"), problem
        assert beyond(problem.pointer, job) <= 1, problem
        assert problem.code, problem
        assert is_sentence(problem.message), problem
    return error is None


def stepped(bench):
    """How far a job came: the last thing that each of its stages did."""
    frozen = [name for name in bench.networks if name not in bench.run.learners]
    before = {name: fingerprint(bench.networks[name]) for name in frozen}
    found = [two_steps(bench, number) for number in range(len(bench.run.stages))]
    assert {name: fingerprint(bench.networks[name]) for name in frozen} == before
    return found


def two_steps(bench, number):
    """``refused`` where tracing, or a distance or balance at its first look, says that pieces do not fit."""
    stage, error = attempt(lambda: bench.stage(number), EngineError)
    if error is not None:
        assert error.param.startswith("/method"), error
        assert is_sentence(error.message), error
        return "refused"
    readings, error = attempt(lambda: [stage.step(bench.batch, 0, step) for step in range(2)], ValueError)
    stage.close()
    if error is not None:
        assert is_sentence(str(error)), error
        return "refused"
    for name, value in ((name, value) for row in readings for name, value in row.items()):
        assert torch.as_tensor(value).isfinite().all(), name
    for learner in bench.run.learners:
        assert all(one.isfinite().all() for one in bench.networks[learner].parameters()), learner
    return "stepped"


def plan_all(make, examples, *, wild):
    """How many of so many jobs were planned."""
    found = Counter()

    @drawn(examples, wild=wild)
    def one(job):
        found[planned_or_refused(make, job)] += 1

    one()
    return found


def step_all(make, examples):
    """How far the stages of so many jobs came, of those that are planned."""
    found = Counter()

    @drawn(examples)
    def one(job):
        if planned_or_refused(make, job):
            found.update(stepped(Bench(make, **job)))

    one()
    return found


def test_any_method_is_planned_or_refused_with_a_pointer_and_a_sentence(tiny_plan):
    found = plan_all(tiny_plan, 150, wild=True)
    assert found[True]
    assert found[False]


def test_methods_of_pieces_that_fit_are_planned(tiny_plan):
    found = plan_all(tiny_plan, 50, wild=False)
    assert found[True] >= FITTING * found.total()


def test_what_is_planned_takes_sound_steps_or_says_why_not(tiny_plan):
    assert step_all(tiny_plan, 10)["stepped"]


@pytest.mark.slow
def test_many_more_methods_are_planned_or_refused(tiny_plan):
    assert plan_all(tiny_plan, 1500, wild=True)[True]


@pytest.mark.slow
def test_many_more_plans_take_sound_steps_or_say_why_not(tiny_plan):
    found = step_all(tiny_plan, 60)
    assert found["stepped"] > found["refused"]


@pytest.mark.parametrize(("kind", "options"), [(kind, form) for kind in BALANCES for form in FORMS.get(kind, [{}])])
def test_every_balance_takes_sound_steps_in_every_form(tiny_plan, kind, options):
    last = {**HINT, "points": "penultimate", "group": "matching"}  # behind every point that a balance looks at
    asked = method(TASK, SOFT, last, balance={"student": {"kind": kind, **options}})
    assert stepped(Bench(tiny_plan, method=asked)) == ["stepped"]


def test_every_path_is_among_the_networks_that_are_drawn():
    missing = sorted(set(PATHS) - {network.get("path") for network in OTHERS.values()})
    assert not missing, f"add a network of path {', '.join(missing)} to OTHERS in tests/support/random_methods.py"


LEARNS = {
    "paraphraser": [{**HINT, "to": "paraphraser", "points": {"to": "reconstruction", "from": "stages.2.blocks.0"}}]
}
"""Terms by which a network learns that does not learn from its logits."""


@pytest.mark.parametrize("name", [name for name in OTHERS if name not in FROZEN])
def test_every_network_that_learns_takes_sound_steps_beside_the_student(tiny_plan, name):
    delivers = name if name == "reuse" else "student"
    terms = [{**TASK, "to": name}, {**SOFT, "to": name}, *LEARNS.get(name, [])]
    terms += [] if name == delivers else [TASK, {**SOFT, "from": name}]
    asked = {**method(*terms), "networks": {name: OTHERS[name]}, "delivers": delivers}
    bench = Bench(tiny_plan, method=asked)
    before = {learner: fingerprint(bench.networks[learner]) for learner in bench.run.learners}
    assert stepped(bench) == ["stepped"]
    assert all(fingerprint(bench.networks[learner]) != before[learner] for learner in before)


@pytest.mark.parametrize("balance", [name for name in BALANCES if name != "scheduled"])
def test_a_learned_temperature_learns_under_every_balance(tiny_plan, balance):
    soft = {"distance": {"kind": "kl", "temperature": "learned"}}
    bench = Bench(tiny_plan, method=method(TASK, soft, balance={"student": balance}))
    assert stepped(bench) == ["stepped"]


def test_a_distance_that_cannot_look_at_its_layers_says_so_when_the_stage_is_built(tiny_plan):
    bench = Bench(tiny_plan, method=method(TASK, {**HINT, "distance": "token_flow"}))
    with pytest.raises(EngineError) as told:
        bench.stage()
    assert told.value.param.startswith("/method")
