"""What the processes of a group are asked to compute; each function is also called with a process on its own."""

import copy

import torch
from torch import nn

from kdcore.data.batches import Batch
from kdcore.data.mixing import Mixed
from kdcore.distributed import Share, dealt, gathered, in_order, synchronised
from kdcore.errors import EngineError


def part_of(group, whole):
    """This process's part of a tensor."""
    return whole.chunk(group.size)[group.rank]


def words(group):
    """Every message without gradient."""
    value = torch.tensor([1.0, 2.0]) * (group.rank + 1)
    module = nn.BatchNorm1d(2)
    with torch.no_grad():
        module.weight.fill_(group.rank)
        module.num_batches_tracked.fill_(group.rank + 7)
    group.broadcast(module)
    group.barrier()
    return {
        "mean": group.mean(value),
        "sum": group.sum(value),
        "rows": group.rows(value),
        "every": group.every({"rank": group.rank}),
        "told": group.told(f"from {group.rank}"),
        "decided": group.decided(10 + group.rank),
        "weight": module.weight.detach(),
        "counter": int(module.num_batches_tracked),
        "untouched": value,
    }


def coupled(whole, weight, scale=1.0):
    """A loss in which every sample meets every other, and a parameter."""
    mapped = whole.flatten(1) @ weight
    return scale * ((mapped @ mapped.T).tanh() * torch.linspace(-1, 1, len(whole))).sum()


def gathered_gradient(group, whole, weight, equal, scales):
    """The gradients of a layer before and a parameter behind the gathering, as the step would take them."""
    before = torch.full((1,), 0.7, dtype=whole.dtype, requires_grad=True)
    behind = weight.clone().requires_grad_()
    features = before * part_of(group, whole)
    loss = coupled(group.gather(features, equal=equal), behind, scales[group.rank])
    loss.backward()
    return group.mean(before.grad), group.mean(behind.grad)


def layouts(group):
    """Gathered tensors of every kind that a network says."""
    maps = torch.arange(2 * 3 * 2 * 2.0).view(2, 3, 2, 2) + 100 * group.rank
    channels_last = maps.contiguous(memory_format=torch.channels_last)
    found = [group.gather(maps), group.gather(channels_last), group.gather(maps.bfloat16())]
    found += [group.gather(torch.tensor([group.rank])), group.gather(maps.transpose(0, 1))]
    return [tensor.contiguous() for tensor in found], found[1].is_contiguous(memory_format=torch.channels_last)


def whole_batch(group):
    """A batch shared out and put together again."""
    batch = Batch(
        torch.randn(8, 1, 2, 2, generator=torch.Generator().manual_seed(0)),
        torch.arange(8) * 10,
        torch.arange(8) + 100,
        torch.arange(8) % 3,
        Mixed(torch.arange(8) + 50, torch.linspace(0, 1, 8)),
    )
    own = Share(group.rank, group.size).of(batch)
    spoken, whole = gathered({"student": {"logits": own.inputs.flatten(1)}}, own, group)
    return spoken["student"]["logits"], whole.targets, whole.index, whole.view, whole.mixed.labels, whole.mixed.share


def normalised(group, layer, xs, slopes):
    """Outputs, gradients and running statistics of a layer after steps on shared batches."""
    layer = copy.deepcopy(layer)
    found = []
    with synchronised(nn.Sequential(layer), group):
        for x, slope in zip(xs, slopes, strict=True):
            layer.zero_grad()
            own = part_of(group, x).clone().requires_grad_()
            out = layer(own)
            out.backward(part_of(group, slope))
            grads = [group.sum(p.grad) for p in layer.parameters()]
            found.append([group.gather(out.detach()), group.gather(own.grad), *grads])
    return found, {name: value.clone() for name, value in layer.state_dict().items()}


def left_alone(group):
    """Paths, types and state of a synchronised network, during and after; its outputs in evaluation mode."""
    network = nn.Sequential(nn.Conv2d(1, 2, 1), nn.BatchNorm2d(2), nn.Sequential(nn.BatchNorm2d(2)))
    names = [(name, type(module)) for name, module in network.named_modules()]
    keys = list(network.state_dict())
    own_forward = [vars(module).get("forward") for module in network.modules()]
    x = torch.randn(4, 1, 3, 3, generator=torch.Generator().manual_seed(group.rank))
    plain = network.eval()(x)
    with synchronised(network, group), synchronised(network[2], group):
        same = [
            names == [(name, type(module)) for name, module in network.named_modules()],
            keys == list(network.state_dict()),
            torch.equal(network(x), plain),
            "forward" not in vars(nn.BatchNorm2d(2)),
        ]
    return same, own_forward == [vars(module).get("forward") for module in network.modules()]


def half(group, x):
    """A layer under bfloat16, against the same in float32."""
    layer = nn.BatchNorm2d(x.shape[1])
    with synchronised(nn.Sequential(layer), group):
        own = part_of(group, x).bfloat16().requires_grad_()
        out = layer(own)
        out.float().square().sum().backward()
    return group.gather(out.detach()), own.grad.dtype, layer.running_var


class Own(nn.BatchNorm2d):
    """As timm's BatchNormAct2d: more than BatchNorm in one layer."""

    def forward(self, x):
        return super().forward(x).relu()


def own_norm(group):
    """What is said of a layer that cannot be synchronised."""
    network = nn.ModuleDict({"inner": nn.Sequential(Own(2))})
    try:
        with synchronised(network, group):
            return None
    except EngineError as error:
        return error.param, error.message


def turns(group, count):
    """This process's items of so many, and the results of all."""
    own = dealt(range(count), group)
    return list(own), in_order([f"result {item}" for item in own], group)
