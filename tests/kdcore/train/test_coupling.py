"""What couples the pictures of a batch says so; without it, micro-batches give the loss of the batch."""

from dataclasses import replace

import adapter_cases
import distance_cases
import pytest
import torch
from balance_cases import KINDS, NAMES, Toy
from torch import nn

from kdcore.objective.balance import balance
from kdcore.objective.distances import UNLABELLED
from kdcore.objective.terms import Cast, TermModule
from kdcore.spec.named import Kind
from kdcore.spec.plan import LABELS, PairPlan, TermPlan
from kdcore.spec.rooms import BALANCES, DISTANCES, piece_options
from kdcore.train.coupling import asks_for_labels, batch_layers

HALVES = [torch.tensor([0, 2, 4]), torch.tensor([1, 3, 5])]
"""Of the six pictures: both hold every class once, so that what works class by class is cut, too."""

FURTHER = {
    "dist": [{"gamma": 0}],
    "multi_level": [{"batch": 0, "by_class": 0}, {"batch": 0, "by_class": 0, "share": 1}],
    "mgd": [{"share": 0}],
}
REDRAWN = [("mgd", {}), ("mgd", {"over": "channels"})]
"""What draws at random for each micro-batch anew: its mean over the draws is the same."""

CASES = [
    case
    for name in DISTANCES
    for case in [
        *distance_cases.cases(name),
        *(replace(distance_cases.cases(name)[0], options=options) for options in FURTHER.get(name, [])),
    ]
    if (name, case.options) not in REDRAWN
]
every_case = pytest.mark.parametrize("case", CASES, ids=str)


def without_padding(inputs):
    target = torch.where(inputs.target == UNLABELLED, 2, inputs.target)
    context = {name: one for name, one in inputs.context.items() if name != "mask"}
    return replace(inputs, target=target, context=context)


def differ(case, inputs):
    """Whether the mean over the halves is another number than the loss of the batch."""
    whole = inputs.measured(case.fresh()).detach()
    parts = torch.stack([inputs.at(half).measured(case.fresh()).detach() for half in HALVES])
    return not torch.allclose(parts.mean(), whole, rtol=1e-9, atol=1e-12)


def coupled(case):
    return DISTANCES[case.name].couples(piece_options("distance", case.name, case.options))


@every_case
def test_the_mean_over_micro_batches_is_the_loss_of_the_batch_unless_the_distance_is_coupled(case):
    assert differ(case, without_padding(case.inputs())) == coupled(case)


@every_case
def test_what_averages_over_labelled_pictures_asks_for_labels(case):
    inputs = without_padding(case.inputs())
    inputs.target[0] = float("nan") if inputs.target.is_floating_point() else UNLABELLED
    piece = case.fresh()
    assert differ(case, inputs) == (coupled(case) or ("target" in piece.needs and piece.over_labelled))


@every_case
def test_what_remembers_steps_is_coupled(case):
    assert coupled(case) or not case.remembers


@pytest.mark.parametrize("case", adapter_cases.cases(), ids=str)
def test_an_adapter_in_training_gives_the_loss_of_the_batch_unless_it_has_batch_norm(case):
    term, spoken = case.module().double(), case.spoken(torch.float64)
    halves = [{who: {at: x[part::2] for at, x in said.items()} for who, said in spoken.items()} for part in (0, 1)]
    whole, *parts = (measured(term, said) for said in [spoken, *halves])
    same = torch.allclose(torch.stack(parts).mean(), whole, rtol=1e-9, atol=1e-12)
    assert same == (not list(batch_layers(term)))


def measured(term, spoken):
    count = len(next(iter(spoken["student"].values())))
    context = {"index": torch.arange(count), "epoch": 0.0, "step": 0}
    return term(spoken, torch.zeros(count, dtype=torch.long), context).detach()


@pytest.mark.parametrize(("kind", "options"), KINDS, ids=NAMES)
@pytest.mark.parametrize("groups", [("task", "distill", "match"), ("task",)], ids=len)
def test_a_balance_takes_the_step_of_the_batch_unless_it_is_coupled(kind, options, groups):
    if len(groups) == 1:
        options = {name: value for name, value in options.items() if name != "factors"}
        options |= {"factors": {"task": 2.0}} if kind == "scheduled" else {}
    whole, parts = ([*steps(kind, options, groups, count)] for count in (1, 2))
    same = all(torch.allclose(a, b, rtol=1e-9, atol=1e-12) for a, b in zip(whole, parts, strict=True))
    coupled = BALANCES[kind].couples(piece_options("balance", kind, options))
    assert same == (not coupled or len(groups) == 1)


def steps(kind, options, groups, parts):
    toy, piece = Toy(groups), balance(kind, groups, **options)
    for _ in range(4):
        yield toy.step(piece, parts)[0]


def test_an_evaluated_network_couples_nothing_and_a_norm_without_statistics_always_does():
    network = nn.Sequential(nn.BatchNorm1d(2), nn.BatchNorm1d(2, track_running_stats=False), nn.LayerNorm(2))
    assert list(batch_layers(network)) == ["0", "1"]
    assert list(batch_layers(network.eval())) == ["1"]


@pytest.mark.parametrize(
    ("source", "kind", "expected"),
    [(LABELS, "cross_entropy", True), ("teacher", "dkd", True), ("teacher", "kl", False)],
)
def test_a_term_knows_whether_it_asks_for_labels(source, kind, expected):
    spoken = {who: {"logits": torch.randn(4, 5)} for who in ("student", "teacher")}
    pairs = () if source == LABELS else (PairPlan(to="logits", source="logits"),)
    plan = TermPlan(
        name="term", to="student", source=source, pairs=pairs, distance=Kind(kind=kind), adapter=None, weight=1,
        group="task",
    )  # fmt: skip
    assert asks_for_labels(TermModule(plan, Cast(spoken))) == expected
