"""The prompted path: it starts as its teacher, leaves it untouched, and learns beside it."""

import copy

import pytest
import torch
import torchvision
from torch import nn

from kdcore.errors import EngineError
from kdcore.models import build
from kdcore.models.conv1d import SignalResNet
from kdcore.models.encoder import Encoder
from kdcore.models.vit import VisionTransformer
from kdcore.objective import distance, prompted
from kdcore.objective.networks import fingerprint, freeze
from kdcore.objective.points import Capture


class Sensor(nn.Module):
    """A small one-dimensional network with BatchNorm and an in-place activation behind its blocks."""

    def __init__(self):
        super().__init__()
        self.blocks = nn.Sequential(*(self._block(a, b) for a, b in ((2, 8), (8, 16), (16, 24))))
        self.after = nn.ReLU(inplace=True)
        self.head = nn.Linear(24, 4)

    @staticmethod
    def _block(inputs, outputs):
        return nn.ModuleDict({"conv": nn.Conv1d(inputs, outputs, 5, 2, 2), "norm": nn.BatchNorm1d(outputs)})

    def forward(self, x):
        for block in self.blocks:
            x = block["norm"](block["conv"](x))
        return self.head(self.after(x).mean(-1))


def vit():
    return torchvision.models.VisionTransformer(32, 8, 4, 2, 16, 32, num_classes=4)


NETWORKS = {
    "resnet": (lambda: build("resnet8", 4, width=0.5), (3, 16, 16), {}),
    "wrn": (lambda: build("wrn-10-1", 4, width=0.5), (3, 16, 16), {}),
    "vit": (vit, (3, 32, 32), {}),
    "swin": (
        lambda: torchvision.models.SwinTransformer([4, 4], 8, [1, 1], [2, 2], [4, 4], num_classes=4),
        (3, 32, 32),
        {},
    ),
    "own transformer": (lambda: build("vit-2", 4, width=0.25, image_size=32), (3, 32, 32), {}),
    "own sensor network": (lambda: SignalResNet(1, 2, 4, width=0.5), (2, 40), {}),
    "mobilenet": (lambda: torchvision.models.mobilenet_v2(num_classes=4, width_mult=0.25), (3, 32, 32), {}),
    "squeezenet, activations in place behind a convolution for a head": (
        lambda: torchvision.models.squeezenet1_1(num_classes=4),
        (3, 32, 32),
        {},
    ),
    "one dimension": (Sensor, (2, 40), {"at": ("blocks.0.norm", "blocks.1.norm", "blocks.2.norm")}),
}


def trained_a_little(make, shape):
    """A frozen network whose BatchNorm statistics are not the initial ones, and inputs for it."""
    torch.manual_seed(0)
    network = make()
    for parameter in network.parameters():  # no layer starts at zero, as torchvision's ViT head does
        parameter.data.add_(0.02 * torch.randn_like(parameter))
    inputs = torch.randn(4, *shape)
    network.train()(inputs)
    return freeze(network), inputs


@pytest.fixture(params=NETWORKS)
def case(request):
    make, shape, options = NETWORKS[request.param]
    network, inputs = trained_a_little(make, shape)
    return network, inputs, options


@pytest.fixture
def pair():
    return trained_a_little(*NETWORKS["resnet"][:2])


def hooks(network):
    return sum(len(m._forward_hooks) + len(m._forward_pre_hooks) for m in network.modules())


def step(path, inputs, labels, rate=0.05):
    optimiser = torch.optim.SGD(path.parameters(), lr=rate)
    loss = nn.functional.cross_entropy(path(inputs), labels)
    loss.backward()
    optimiser.step()
    return loss.item()


LABELS = torch.tensor([0, 1, 2, 3])


def test_at_step_0_the_path_says_what_its_teacher_says(case):
    network, inputs, options = case
    expected = network(inputs).detach()
    path = prompted(network, sample=inputs[:2], **options).train()
    assert expected.std() > 1e-3
    torch.testing.assert_close(path(inputs), expected, rtol=0, atol=1e-5)


def test_a_text_encoder_s_path_starts_as_it_and_takes_sequences_of_any_length():
    torch.manual_seed(0)
    encoder = Encoder(vocabulary=20, layers=3, width=16, heads=2, max_length=12, num_classes=4)
    path = prompted(encoder, stages=2)
    assert path.at == ("blocks.0", "blocks.2")
    for length in (5, 12):
        ids = torch.randint(20, (4, length))
        torch.testing.assert_close(path(ids), encoder(ids), rtol=0, atol=1e-5)
    step(path, ids, LABELS)
    assert not torch.equal(path(ids), encoder(ids))


def test_training_moves_the_path_and_not_one_bit_of_the_teacher(case):
    network, inputs, options = case
    before, plain = fingerprint(network), network(inputs).detach()
    path = prompted(network, **options).train()
    losses = [step(path, inputs, LABELS) for _ in range(3)]
    assert losses[-1] < losses[0]
    assert fingerprint(network) == before
    assert torch.equal(network(inputs), plain)
    assert all(parameter.grad is None for parameter in network.parameters())


def test_every_prompt_fusion_and_head_gets_a_gradient_through_the_frozen_stages(case):
    network, inputs, options = case
    path = prompted(network, **options)
    step(path, inputs, LABELS)
    path.zero_grad()
    nn.functional.cross_entropy(path(inputs), LABELS).backward()
    silent = {name for name, p in path.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0}
    # Nobody looks at the patches behind a vision transformer's last block, only at its class token.
    unheard = {f"prompts.{len(path.at) - 1}.scales.{i}.partial.convolution.weight" for i in range(3)}
    assert silent == (
        unheard if isinstance(network, torchvision.models.VisionTransformer | VisionTransformer) else set()
    )


def test_the_path_owns_prompts_fusions_and_head_alone(pair):
    path = prompted(pair[0])
    assert {name.split(".")[0] for name in path.state_dict()} == {"prompts", "fusions", "head"}
    assert {id(p) for p in path.parameters()}.isdisjoint({id(p) for p in pair[0].parameters()})
    assert path.parameter_scales() == {}


def test_defaults_are_the_stage_ends_and_the_classifier(pair):
    path = prompted(pair[0])
    assert path.at == ("stages.0.blocks.0", "stages.1.blocks.0", "stages.2.blocks.0")
    assert path.classifier == "head"
    assert prompted(pair[0], stages=1).at == path.at[-1:]
    assert prompted(trained_a_little(*NETWORKS["vit"][:2])[0], stages=2).at == (
        "encoder.layers.encoder_layer_1",
        "encoder.layers.encoder_layer_3",
    )


def test_tuning_moves_a_copy_and_the_original_path_stays_bit_equal(pair):
    network, inputs = pair
    before, plain = fingerprint(network), network(inputs).detach()
    path = prompted(network, tune=True, tune_rate=0.2).train()
    torch.testing.assert_close(path(inputs), plain, rtol=0, atol=1e-5)
    copied = {name: value.clone() for name, value in path.copy.state_dict().items()}
    for _ in range(3):
        step(path, inputs, LABELS)
    assert fingerprint(network) == before
    assert torch.equal(network(inputs), plain)
    moved = {name for name, value in path.copy.state_dict().items() if not torch.equal(value, copied[name])}
    assert moved == {name for name, _ in network.named_parameters() if not name.startswith("head.")}
    assert path.parameter_scales() == {"copy.": 0.2}
    scaled = [name for name, _ in path.named_parameters() if name.startswith("copy.")]
    assert len(scaled) == len(list(network.parameters()))


def test_without_prompts_and_fusion_the_path_is_its_teacher_for_good(pair):
    network, inputs = pair
    path = prompted(network, fusion=False)
    for prompt in path.prompts:
        prompt.up.requires_grad_(False)
    path.head.requires_grad_(False)
    assert {name.split(".")[0] for name in path.state_dict()} == {"prompts", "head"}
    twice = distance("kl")(network(inputs) + 1, network(inputs)) + distance("kl")(network(inputs) + 1, path(inputs))
    assert twice.item() == 2 * distance("kl")(network(inputs) + 1, network(inputs)).item()


def test_the_path_s_loss_does_not_move_the_student_nor_the_student_s_the_path(pair):
    network, inputs = pair
    torch.manual_seed(1)
    student, path, kl = build("resnet8", 4, width=0.25), prompted(network), distance("kl", temperature=4)
    teacher = network(inputs)

    def loss(to, other):
        said, heard = to(inputs), other(inputs)
        task = distance("cross_entropy")(said, None, LABELS)
        return task + kl(said, teacher) + kl(said, heard)

    loss(path, student).backward()
    assert all(p.grad is None for p in student.parameters())
    assert any(p.grad.abs().sum() > 0 for p in path.parameters())
    path.zero_grad()
    loss(student, path).backward()
    assert all(p.grad is None for p in path.parameters())
    assert all(p.grad is not None for p in student.parameters())


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


def test_a_teacher_that_still_trains_is_frozen_before_its_shapes_are_traced():
    network, inputs = build("resnet8", 4, width=0.5).train(), torch.randn(4, 3, 16, 16)
    before = fingerprint(network)
    path = prompted(network, sample=inputs).train()
    path(inputs).sum().backward()
    network.train()
    path(inputs)
    assert fingerprint(network) == before
    assert not any(module.training for module in network.modules())
    assert not any(parameter.requires_grad for parameter in network.parameters())


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_by_autocast_starts_as_the_teacher_and_learns(case, dtype):
    network, inputs, options = case
    path = prompted(network, **options)
    with torch.autocast("cpu", dtype):
        torch.testing.assert_close(path(inputs), network(inputs), rtol=0.02, atol=0.02)
        loss = distance("cross_entropy")(path(inputs), None, LABELS)
    loss.backward()
    gradients = [p.grad for p in path.parameters()]
    assert all(g.isfinite().all() and g.dtype == torch.float32 for g in gradients)
    assert any(g.abs().sum() > 0 for g in gradients)


def test_a_double_precision_teacher_has_a_double_precision_path(pair):
    network, inputs = pair
    path = prompted(network.double())
    assert path(inputs.double()).dtype == torch.float64


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
