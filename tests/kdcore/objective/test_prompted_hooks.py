"""The prompted path's hooks: there while a pass runs, gone afterwards, and in nobody's way."""

import copy

import pytest
import torch
import torchvision
from prompted_networks import LABELS, NETWORKS, hooks, step, trained_a_little

from kdcore.errors import EngineError
from kdcore.objective import prompted
from kdcore.objective.points import Capture


@pytest.fixture
def pair():
    return trained_a_little(*NETWORKS["resnet"][:2])


def test_hooks_are_there_only_while_a_pass_runs(pair):
    network, inputs = pair
    path = prompted(network)
    seen = []
    handle = network.stages[1].register_forward_hook(lambda *_: seen.append(hooks(network)))
    path(inputs)
    handle.remove()
    assert seen == [1 + 4]
    assert hooks(network) == 0


def test_an_exception_inside_a_pass_leaves_no_hooks(pair):
    network, inputs = pair
    path = prompted(network)
    expected = network(inputs)
    with pytest.raises(RuntimeError):
        path(inputs[:, :2])
    path.prompts[1].register_forward_hook(lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        path(inputs)
    assert hooks(network) == 0
    assert torch.equal(network(inputs), expected)


def test_two_paths_through_one_teacher_do_not_disturb_each_other(pair):
    network, inputs = pair
    plain = network(inputs).detach()
    first, second = prompted(network), prompted(network, blocks="small", at=("stages.1.blocks.0",))
    step(first, inputs, LABELS)
    told = first(inputs).detach()
    assert torch.equal(second(inputs), plain)
    step(second, inputs, LABELS)
    assert torch.equal(first(inputs), told)
    assert torch.equal(network(inputs), plain)
    assert not torch.equal(told, plain)


@pytest.mark.parametrize("teacher_first", [True, False])
def test_captures_on_teacher_and_path_work_in_any_order(pair, teacher_first):
    network, inputs = pair
    path = prompted(network)
    step(path, inputs, LABELS)
    plain, told = network(inputs), path(inputs)
    last = path.at[-1]
    with Capture(network, [last, "logits"]) as teachers, Capture(path, ["fusions.2", "head@in", "logits"]) as paths:
        calls = [teachers, paths] if teacher_first else [paths, teachers]
        seen = {name: value for call in calls for name, value in call(inputs).items() if name != "logits"}
        assert torch.equal(teachers(inputs)["logits"], plain)
        assert torch.equal(paths(inputs)["logits"], told)
    torch.testing.assert_close(network.head(network.pool(seen[last])), plain)
    torch.testing.assert_close(path.head(seen["head@in"]), told)
    torch.testing.assert_close(network.pool(seen["fusions.2"]), seen["head@in"])
    assert hooks(network) == hooks(path) == 0


def test_a_capture_may_end_the_pass_early(pair):
    network, inputs = pair
    path = prompted(network)
    with Capture(path, ["fusions.0"]) as capture:
        assert capture(inputs)["fusions.0"].shape == (4, 8, 16, 16)
    assert hooks(network) == 0


def test_a_capture_sees_what_an_activation_in_place_will_overwrite():
    network, inputs = trained_a_little(*NETWORKS["one dimension"][:2])
    path = prompted(network, **NETWORKS["one dimension"][2])
    with Capture(path, ["fusions.2", "logits"]) as capture:
        assert capture(inputs)["fusions.2"].min() < 0


def test_a_copy_of_the_path_learns_on_its_own_and_shares_the_teacher(pair):
    network, inputs = pair
    path = prompted(network)
    step(path, inputs, LABELS)
    twin = copy.deepcopy(path)
    told = path(inputs).detach()
    step(twin, inputs, LABELS)
    assert torch.equal(path(inputs), told)
    assert not torch.equal(twin(inputs), told)
    assert twin.network is network


@pytest.mark.parametrize("options", [{}, {"tune": True}, {"order": "serial", "fusion": False, "blocks": "large"}])
def test_a_state_dict_round_trip_gives_the_same_path(pair, options):
    network, inputs = pair
    path, other = prompted(network, **options), prompted(network, **options)
    step(path, inputs, LABELS)
    assert not torch.equal(other(inputs), path(inputs))
    other.load_state_dict(path.state_dict())
    assert torch.equal(other(inputs), path(inputs))


@pytest.mark.parametrize("wrong", [{"at": ("stages.1.blok.0",)}, {"classifier": "haed"}])
def test_an_unknown_layer_is_refused_with_the_nearest(pair, wrong):
    with pytest.raises(EngineError, match="nearest") as caught:
        prompted(pair[0], **wrong)
    assert caught.value.code == "layer_not_found"


def test_the_classifier_is_no_stage_end(pair):
    with pytest.raises(ValueError, match="'head' is the classifier"):
        prompted(pair[0], at=("stages.0", "head"))


def test_a_layer_that_is_called_twice_is_no_stage_end():
    network = torchvision.models.resnet18(num_classes=4)
    with pytest.raises(EngineError, match=r"layer 'layer1\.0\.relu' is called 2 times"):
        prompted(network, at=("layer1.0.relu",))
