"""What terms derive from the same tensors in one pass: computed once, with the losses and gradients of each alone."""

import gc
import weakref
from collections import Counter
from dataclasses import replace

import pytest
import torch
from distance_cases import cases, noise
from distance_rows import ROWS
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from kdcore.objective import distance
from kdcore.objective.shared import once, sharing
from kdcore.objective.terms import Cast, Objective
from kdcore.spec.plan import PairPlan, StagePlan, TermPlan

POINTS, WIDTH, BATCH = ("shallow", "middle", "deep"), 4, 8
LABELS = torch.tensor([0, 0, 1, 1, 2, 2, 3, 3])
PRODUCTS = ("mm", "bmm", "addmm")

DISTANCES = [
    "sp",
    "rkd",
    "pkt",
    "wasserstein",
    {"kind": "wasserstein", "given": "class"},
    {"kind": "wasserstein", "given": "label", "scale": "teacher"},
    {"kind": "sinkhorn", "iterations": 5},
    {"kind": "sinkhorn", "iterations": 5, "given": "label", "relax": 1.0},
    {"kind": "gromov_wasserstein", "iterations": 2},
    {"kind": "gromov_wasserstein", "iterations": 2, "metric": "squared"},
    "mmd",
    {"kind": "mmd", "kernel": "multi", "given": "label"},
    "coral",
    "gaussian_wasserstein",
    "gaussian_kl",
    "mse",
]


class Saying(nn.Module):
    """A network of one linear layer a point."""

    def __init__(self, seed):
        super().__init__()
        self.layers = nn.ModuleDict({name: nn.Linear(5, WIDTH).double() for name in POINTS})
        for place, one in enumerate(self.parameters()):
            one.data = noise(*one.shape, seed=seed + place)

    def said(self, dtype=torch.float64):
        """What it says at every point, and as logits, about the same batch."""
        said = {name: layer(noise(BATCH, 5)).to(dtype) for name, layer in self.layers.items()}
        return {**said, "logits": said["deep"] * 1}


def term(name, asked, *, to="student", at="deep", source="teacher", following="deep", group="distill", adapter=None):
    """A term about one pair of points."""
    return TermPlan(
        name=name,
        to=to,
        source=source,
        pairs=(PairPlan(to=at, source=following),),
        distance=asked,
        adapter=adapter,
        weight=1.0,
        group=group,
    )


class Pass:
    """An objective of some terms, and networks that speak."""

    def __init__(self, *terms, balance="fixed"):
        self.networks = nn.ModuleDict({"student": Saying(1), "teacher": Saying(20), "peer": Saying(40)})
        terms = [one if isinstance(one, TermPlan) else term(f"t{i}", one) for i, one in enumerate(terms)]
        plan = StagePlan(
            name="distil",
            epochs=1,
            upto=None,
            terms=tuple(terms),
            balance=dict.fromkeys((one.to for one in terms), balance),
            learning_rate_scale=1.0,
        )
        with torch.no_grad():
            self.objective = Objective(plan, Cast(self.spoken(torch.float32))).double()

    def spoken(self, dtype=torch.float64):
        return {name: network.said(dtype) for name, network in self.networks.items()}

    def together(self, spoken=None):
        """The groups' losses by learner, in one pass."""
        return self.objective(spoken or self.spoken(), LABELS, 0.0, {}).groups

    def apart(self, spoken=None):
        """The same from terms that know nothing of each other."""
        spoken, groups = spoken or self.spoken(), {}
        for module in self.objective.modules_of_terms():
            own = groups.setdefault(module.plan.to, {})
            own[module.plan.group] = own.get(module.plan.group, 0.0) + module(spoken, LABELS, {})
        return groups

    def parameters(self, learner="student"):
        return [*self.networks[learner].parameters(), *self.objective.parameters_of(learner)]

    def taught(self, losses, learner="student"):
        """The gradient of the sum of a learner's groups."""
        total = torch.stack(list(losses[learner].values())).sum()
        return torch.autograd.grad(total, self.parameters(learner), allow_unused=True)

    def stepped(self, losses, learner="student"):
        """The gradient that the learner's balance leaves, from its groups' gradients."""
        parameters = self.parameters(learner)
        for one in parameters:
            one.grad = None
        self.objective.balances[learner].backward(losses[learner], parameters)
        return [one.grad for one in parameters]


def assert_same(found, expected):
    """Equal but for the order in which gradients add up."""
    for one, other in zip(found, expected, strict=True):
        assert (one is None) == (other is None)
        if one is not None:
            torch.testing.assert_close(one, other, rtol=1e-11, atol=1e-12)


class Operations(TorchDispatchMode):
    """How often each operation runs, and which tensors come out."""

    def __init__(self):
        super().__init__()
        self.counts, self.made = Counter(), []

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        self.counts[function.overloadpacket.__name__] += 1
        self.made += [weakref.ref(one) for one in torch.utils._pytree.tree_leaves(result) if torch.is_tensor(one)]
        return result

    @property
    def products(self):
        return sum(self.counts[name] for name in PRODUCTS)


def products(measure, spoken):
    with Operations() as operations:
        measure(spoken)
    return operations.products


def counted(*terms, dtype=torch.float64):
    """Matrix products of the terms together, and apart."""
    run = Pass(*terms)
    return tuple(products(measure, run.spoken(dtype)) for measure in (run.together, run.apart))


@pytest.mark.parametrize(
    ("terms", "together", "apart"),
    [
        (["mmd", {"kind": "mmd", "kernel": "multi"}], 3, 6),  # s s', t t', s t'
        (["mmd", {"kind": "sinkhorn", "iterations": 1}, "rkd"], 3, 8),
        (["wasserstein", {"kind": "wasserstein", "given": "label"}, {"kind": "wasserstein", "given": "class"}], 1, 3),
        (["sp", "sp"], 2, 4),
        (["rkd", "pkt", "sp"], 6, 6),  # three relations that have no product in common
    ],
)
def test_terms_on_one_pair_share_their_cost_matrices(terms, together, apart):
    assert counted(*terms) == (together, apart)


@pytest.mark.parametrize("asked", ["sp", "pkt", "rkd"])
@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_three_layers_that_follow_one_layer_of_the_teacher_find_its_relations_once(asked, dtype):
    terms = [term(point, asked, at=point) for point in POINTS]
    assert counted(*terms, dtype=dtype) == (4, 6)


def test_nothing_is_shared_between_layers_that_differ():
    terms = [term(point, "sp", at=point, following=point) for point in POINTS]
    assert counted(*terms) == (6, 6)


def test_two_terms_with_a_named_adapter_run_it_once_and_its_statistics_move_once():
    named = {"kind": "pointwise", "norm": True, "name": "bridge"}
    run = Pass(term("a", "mse", adapter=named), term("b", "rkd", adapter=named))
    norm = next(one for one in run.objective.modules() if isinstance(one, nn.BatchNorm1d))
    run.together()
    assert norm.num_batches_tracked == 1
    run.apart()
    assert norm.num_batches_tracked == 3


def test_a_named_adapter_runs_once_for_each_layer():
    named = {"kind": "linear", "name": "bridge"}
    run, calls = Pass(*(term(point, "mse", at=point, adapter=named) for point in POINTS[:2] * 2)), Counter()
    adapter = run.objective.modules_of_terms()[0].adapter
    adapter.register_forward_hook(lambda module, inputs, output: calls.update(["called"]))
    run.together()
    assert calls["called"] == 2


def test_adapters_without_a_name_are_modules_of_their_own():
    run = Pass(*(term(name, "mse", adapter={"kind": "pointwise", "norm": True}) for name in "ab"))
    run.together()
    assert [int(one.num_batches_tracked) for one in run.objective.modules() if isinstance(one, nn.BatchNorm1d)] == [
        1
    ] * 2


def test_a_term_behind_an_adapter_and_one_without_follow_the_same_tensor_of_the_teacher():
    terms = [term("bare", "sp"), term("adapted", "sp", adapter="linear")]
    assert counted(*terms) == (3 + 1, 4 + 1)  # and one product of the adapter


def test_a_named_adapter_learns_from_all_its_terms():
    named = {"kind": "linear", "name": "bridge"}
    run = Pass(term("a", "mse", adapter=named), term("b", "rkd", adapter=named))
    assert len(run.parameters()) == 2 * len(POINTS) + 2
    assert_same(run.taught(run.together()), run.taught(run.apart()))


@given(asked=st.lists(st.sampled_from(DISTANCES), min_size=2, max_size=6), pairs=st.data())
@settings(max_examples=30)
def test_the_loss_is_to_the_bit_and_the_gradient_that_of_the_sum_of_the_terms_alone(asked, pairs):
    point = st.sampled_from(POINTS[:2])
    terms = [
        term(f"t{i}", one, at=pairs.draw(point), following=pairs.draw(point), source=pairs.draw(st.sampled_from(WHOM)))
        for i, one in enumerate(asked)
    ]
    run = Pass(*terms)
    together, apart = run.together(), run.apart()
    assert torch.equal(together["student"]["distill"], apart["student"]["distill"])
    assert_same(run.taught(together), run.taught(apart))


WHOM = ("teacher", "student")
"""Who is followed: a network may follow itself at another layer, or at the same."""


@pytest.mark.parametrize("name", ROWS)
def test_every_distance_in_every_form_says_twice_in_one_pass_what_it_says_alone(name):
    for case in cases(name):
        inputs, piece = case.inputs().asking(), case.fresh()
        alone = inputs.measured(piece)
        shared = replace(inputs, context=sharing(inputs.context))
        first, second = shared.measured(piece), shared.measured(case.fresh())
        assert torch.equal(first, alone), case
        assert torch.equal(second, alone), case
        leaves = [one for one in inputs.student if one.requires_grad]
        once_alone = torch.autograd.grad(alone, leaves, allow_unused=True)
        twice = torch.autograd.grad(first + second, leaves, allow_unused=True)
        for one, other in zip(once_alone, twice, strict=True):
            torch.testing.assert_close(other, 2 * one, rtol=1e-9, atol=1e-12, msg=str(case))


def test_a_layer_that_one_term_teaches_and_another_follows_is_taught_by_the_first_alone():
    terms = [
        term("up", "rkd", at="shallow", source="student", following="deep"),
        term("down", "rkd", at="deep", source="student", following="shallow", group="task"),
    ]
    run = Pass(*terms)
    losses = run.together()["student"]
    shallow, deep = (run.networks["student"].layers[point].weight for point in ("shallow", "deep"))
    for group, reached in (("distill", [True, False]), ("task", [False, True])):
        gradients = torch.autograd.grad(losses[group], [shallow, deep], allow_unused=True, retain_graph=True)
        assert [one is not None for one in gradients] == reached


def test_a_tensor_and_its_copy_without_a_graph_are_two_and_so_are_results_with_and_without():
    context, tensor = sharing({}), noise(3).requires_grad_()
    found = once(context, torch.exp, tensor)
    assert once(context, torch.exp, tensor) is found
    assert not once(context, torch.exp, tensor.detach()).requires_grad
    with torch.no_grad():
        assert not once(context, torch.exp, tensor).requires_grad
    assert once(context, torch.exp, tensor).requires_grad


def test_options_are_told_apart_by_value_and_lists_by_their_tensors():
    context, tensors = sharing({}), [noise(2), noise(2, seed=1)]
    assert once(context, torch.stack, tensors) is once(context, torch.stack, list(tensors))
    assert once(context, torch.stack, tensors) is not once(context, torch.stack, tensors[::-1])
    assert once(context, torch.pow, tensors[0], 2) is not once(context, torch.pow, tensors[0], 3)


def test_a_tensor_that_takes_the_place_of_a_dead_one_is_not_taken_for_it():
    context = sharing({})
    found = {once(context, float, torch.full((), float(value))) for value in range(100)}
    assert len(found) == 100


def test_a_distance_on_its_own_shares_nothing():
    student, teacher = noise(4, 3), noise(4, 3, seed=1)
    with Operations() as operations:
        distance("sp")(student, teacher)
        distance("sp")(student, teacher, context={})
    assert operations.products == 4


def test_a_pass_changes_nothing_and_says_the_same_again():
    run = Pass(*DISTANCES)
    spoken = run.spoken()
    first, second = run.together(spoken), run.together(spoken)
    assert torch.equal(first["student"]["distill"], second["student"]["distill"])


@pytest.mark.parametrize("graph", [False, True])
def test_nothing_that_was_shared_outlives_the_pass(graph):
    run = Pass(*DISTANCES)
    spoken = {name: {point: one.detach() for point, one in said.items()} for name, said in run.spoken().items()}
    for one in spoken["student"].values():
        one.requires_grad_(graph)
    gc.disable()  # so that what only a cycle holds is seen
    try:
        with Operations() as operations:
            losses = run.objective(spoken, LABELS, 0.0, {})
        del losses
        assert len(operations.made) > 100
        assert not [made() for made in operations.made if made() is not None]
    finally:
        gc.enable()


@pytest.mark.parametrize(
    "balance", ["fixed", "mokd", {"kind": "mokd", "form": "amortised"}, "aligned_mtl", "pcgrad", "cagrad"]
)
def test_groups_that_share_a_matrix_are_balanced_as_if_they_did_not(balance):
    terms = [
        term("a", "mmd", group="task"),
        term("b", {"kind": "sinkhorn", "iterations": 5}),
        term("c", "rkd", group="third"),
        term("d", "sp", at="middle", group="third"),
    ]
    together, apart = Pass(*terms, balance=balance), Pass(*terms, balance=balance)
    assert products(together.together, together.spoken()) < products(apart.apart, apart.spoken())
    assert_same(together.stepped(together.together()), apart.stepped(apart.apart()))


@pytest.mark.parametrize("balance", ["fixed", "mokd", "pcgrad"])
def test_students_that_teach_each_other_learn_one_after_the_other(balance):
    terms = [
        term(f"{to} {kind} {source}", kind, to=to, source=source, group=group)
        for to, source in (("student", "peer"), ("peer", "student"))
        for kind, group in (("rkd", "task"), ("mmd", "distill"))
    ]
    run, other = Pass(*terms, balance=balance), Pass(*terms, balance=balance)
    together, apart = run.together(), other.apart()
    for learner in ("student", "peer"):
        assert_same(run.stepped(together, learner), other.stepped(apart, learner))
