"""Steps that two processes share end with the weights, records and states of one process with the whole batch."""

import pytest
import torch
from sentences import pack, text_plan
from shared_steps import trained

from kdcore.distributed import Solo
from kdcore.spec.presets import PRESETS
from kdcore.spec.presets.detection import DETECTION
from kdcore.spec.presets.generators import GENERATORS
from kdcore.spec.presets.transformers import TRANSFORMERS

TASK = {"from": "labels", "distance": "cross_entropy"}
SOFT = {"distance": {"kind": "kl", "temperature": 4}}
DEEPER = {"teacher": {"architecture": "resnet20", "width": 0.5}}
MOMENTUM = {"optimizer": {"name": "sgd", "lr": 0.05, "momentum": 0.9}}


def method(*terms, **stage):
    return {"stages": [{"name": "distil", "epochs": 4, "terms": [TASK, SOFT, *terms], **stage}]}


def features(distance, **term):
    return method({"points": "penultimate", "distance": distance, "weight": 0.1, **term})


def balanced(**kind):
    return method(
        {"points": "penultimate", "distance": "rkd", "weight": 0.1}, balance={"student": {"kind": "mokd", **kind}}
    )


HINT = {"points": "middle", "distance": "mse", "weight": 0.1}
CASES = {
    "kl": method(),
    "wasserstein": features("wasserstein", adapter="auto"),
    "rkd": features("rkd"),
    "crd, with banks": "crd",
    "adapter with BatchNorm": method({**HINT, "adapter": {"kind": "auto", "norm": True}}),
    "mokd exact": balanced(form="exact"),
    "mokd amortised": balanced(form="amortised"),
    "uncertainty": method(balance={"student": "uncertainty"}),
}
MORE = {
    "mokd cheap": {**balanced(form="cheap", at="penultimate")},
    "gradnorm": method(balance={"student": "gradnorm"}),
    "student's own classifier inside a term": "srrl",
    "moments that move": features({"kind": "gaussian_wasserstein", "moving": 0.5}, adapter="auto"),
    "queue": features({"kind": "mmd", "queue": 40}, adapter="auto"),
}


def plan_of(tiny_plan, asked, **training):
    training = {**MOMENTUM, "schedule": {"name": "constant", "warmup_epochs": 0}, **training}
    return tiny_plan(method=asked, student={"labels": None}, training=training, **DEEPER)


def leaves(tree, path=""):
    if isinstance(tree, dict):
        for name, value in tree.items():
            yield from leaves(value, f"{path}/{name}")
    elif isinstance(tree, list | tuple):
        for place, value in enumerate(tree):
            yield from leaves(value, f"{path}/{place}")
    else:
        yield path, tree


def close(found, expected, tolerance):
    found, expected = dict(leaves(found)), dict(leaves(expected))
    assert list(found) == list(expected)
    for path, wanted in expected.items():
        if isinstance(wanted, torch.Tensor | float):
            torch.testing.assert_close(found[path], wanted, **tolerance, msg=lambda said, path=path: f"{path}: {said}")
        else:
            assert found[path] == wanted, path


def compare(pair, plan, epochs=2, dtype=torch.float64):
    tolerance = {torch.float64: {"rtol": 1e-7, "atol": 1e-9}, torch.float32: {"rtol": 1e-5, "atol": 1e-5}}[dtype]
    records, state = trained(Solo(), plan, epochs, dtype)
    both = pair(trained, plan, epochs, dtype)
    assert len(records) >= 4
    for found, own in both:
        close(own["learners"], state["learners"], tolerance)
        close(own["stage"], state["stage"], tolerance)
        close(found, records, tolerance)
    (first, own), (second, other) = both
    assert first == second
    for (path, tensor), (_, twin) in zip(leaves(own), leaves(other), strict=True):
        assert not isinstance(tensor, torch.Tensor) or torch.equal(tensor, twin), path


@pytest.mark.parametrize("name", CASES)
def test_two_processes_take_the_steps_of_one(tiny_plan, pair, name):
    compare(pair, plan_of(tiny_plan, CASES[name]))


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_two_processes_take_the_steps_of_one_in_float32(tiny_plan, pair, name):
    compare(pair, plan_of(tiny_plan, CASES[name]), epochs=1, dtype=torch.float32)


@pytest.mark.slow
@pytest.mark.parametrize("name", MORE)
def test_two_processes_take_the_steps_of_one_in_rarer_cases(tiny_plan, pair, name):
    compare(pair, plan_of(tiny_plan, MORE[name]))


@pytest.mark.parametrize("name", ["layer-matching", "tinybert"])
def test_two_processes_leave_the_same_padding_out(tmp_path, pair, name):
    pack(tmp_path)
    compare(pair, text_plan(tmp_path, method=name))


@pytest.mark.parametrize("name", ["kl", "mokd amortised"])
def test_micro_batches_are_shared_one_by_one(tiny_plan, pair, name):
    compare(pair, plan_of(tiny_plan, CASES[name], accumulate=2))


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in PRESETS if name not in (*TRANSFORMERS, *GENERATORS, *DETECTION)])
def test_every_preset_takes_the_steps_of_one(tiny_plan, pair, name):
    compare(pair, plan_of(tiny_plan, name), epochs=1)
