"""The prompted path: it starts as its teacher, leaves it untouched, and learns beside it."""

import pytest
import torch
import torchvision
from prompted_networks import LABELS, NETWORKS, step, trained_a_little
from torch import nn

from kdcore.models import build
from kdcore.models.encoder import Encoder
from kdcore.models.vit import VisionTransformer
from kdcore.objective import distance, prompted
from kdcore.objective.networks import fingerprint


@pytest.fixture(params=NETWORKS)
def case(request):
    make, shape, options = NETWORKS[request.param]
    network, inputs = trained_a_little(make, shape)
    return network, inputs, options


@pytest.fixture
def pair():
    return trained_a_little(*NETWORKS["resnet"][:2])


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
