"""Convolutions of few channels stay out of channels last, where the gradient of their weights damages the heap."""

import subprocess
import sys

import torch

import kdcore.models as models
from kdcore.train.narrow import contiguous_where_narrow, narrow

STEPS = """
import torch
import kdcore.models as models
from kdcore.train.narrow import contiguous_where_narrow

torch.set_num_threads(1)
network = models.build("resnet8", 10, in_channels=1, width=0.25).to(memory_format=torch.channels_last)
contiguous_where_narrow(network)
images = torch.randn(32, 1, 8, 8).contiguous(memory_format=torch.channels_last)
for _ in range(50):
    network(images).square().mean().backward()
print("sound")
"""


def test_only_pointwise_convolutions_with_a_stride_over_few_channels_are_narrow():
    found = models.build("resnet8", 10, in_channels=1, width=0.5)
    assert {module.in_channels for module in narrow(found)} == {8}
    assert not [*narrow(models.build("resnet8x4", 10, in_channels=3))]


def test_a_narrow_convolution_sees_and_has_contiguous_tensors_and_says_the_same():
    network = models.build("resnet8", 10, in_channels=1, width=0.25).eval()
    images = torch.randn(4, 1, 8, 8)
    before = network(images)
    laid = contiguous_where_narrow(contiguous_where_narrow(network.to(memory_format=torch.channels_last)))
    seen = []
    for module in narrow(laid):
        assert module.weight.stride()[1:] == (1, 1, 1)
        assert len(module._forward_pre_hooks) == 1
        module.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0].stride()[-1]))
    after = laid(images.contiguous(memory_format=torch.channels_last))
    torch.testing.assert_close(after, before, rtol=1e-4, atol=1e-4)
    assert seen == [1, 1]


def test_steps_of_a_narrow_network_with_channels_last_leave_the_heap_whole():
    ended = subprocess.run([sys.executable, "-c", STEPS], capture_output=True, text=True, timeout=300, check=False)
    assert ended.stdout.strip() == "sound", ended.stderr[-500:]
