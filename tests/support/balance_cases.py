"""Every balance with the options that change how it works, and a toy that takes steps with it."""

import torch
from torch import nn

KINDS = [
    ("fixed", {"factors": {"task": 2.0, "distill": 0.5}}),
    ("scheduled", {"factors": {"distill": {"from": 0, "to": 1, "over": 4}}}),
    ("uncertainty", {}),
    ("gradnorm", {}),
    ("pcgrad", {}),
    ("cagrad", {}),
    ("aligned_mtl", {}),
    ("mokd", {}),
    ("mokd", {"logarithmic": False}),
    ("mokd", {"every": 3}),
    ("mokd", {"form": "cheap"}),
    ("mokd", {"form": "amortised"}),
    ("dot", {}),
]
NAMES = [f"{kind}-{'-'.join(map(str, options.values()))}" for kind, options in KINDS]


class Toy:
    """A small network with a feature, and losses by group on parts of a batch."""

    def __init__(self, groups=("task", "distill"), dtype=torch.float64):
        torch.manual_seed(0)
        self.groups = groups
        self.below, self.above = nn.Linear(3, 4).to(dtype), nn.Linear(4, len(groups)).to(dtype)
        self.inputs, self.wanted = torch.randn(8, 3).to(dtype), torch.randn(8, len(groups)).to(dtype)

    @property
    def parameters(self):
        return [*self.below.parameters(), *self.above.parameters()]

    def losses(self, rows=slice(None), share=1.0):
        feature = self.below(self.inputs[rows]).tanh()
        apart = (self.above(feature) - self.wanted[rows]).square().mean(0)
        values = [share * (2.0**place * part + 0.3 * apart.sum()) for place, part in enumerate(apart)]
        return dict(zip(self.groups, values, strict=True)), [feature]

    def step(self, piece, parts=1, epoch=1.0):
        """One step of gradient descent in ``parts`` micro-batches; returns gradient and readings."""
        for parameter in self.parameters:
            parameter.grad = None
        size = 8 // parts
        for part in range(parts):
            losses, shared = self.losses(slice(part * size, (part + 1) * size), 1 / parts)
            piece.accumulate(losses, self.parameters, shared, epoch=epoch)
        readings = piece.finish(self.parameters)
        gradient = torch.cat([parameter.grad.flatten() for parameter in self.parameters])
        before = {name: loss.detach() for name, loss in self.losses()[0].items()}
        with torch.no_grad():
            for parameter in [*self.parameters, *piece.parameters()]:
                parameter -= 0.005 * parameter.grad
        if piece.looks_again:
            readings |= piece.after_step(before, {name: loss.detach() for name, loss in self.losses()[0].items()})
        return gradient, readings
