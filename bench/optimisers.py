"""What an optimiser's step costs on a CPU: PyTorch's loop over tensors, its list form, and its one kernel.

    OMP_NUM_THREADS=1 .venv/bin/python bench/optimisers.py [--rounds 12]

Medians of milliseconds a step, the forms in random order, and what the moving average of the weights adds.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

import kdcore.models as models
from kdcore.spec.training import Average as AverageOptions
from kdcore.train.average import Average

NETWORKS = {"resnet8": {"width": 0.5}, "resnet20": {}, "resnet32x4": {}, "torchvision/mobilenet_v2": {}}
OPTIMISERS: dict[str, tuple[type[torch.optim.Optimizer], dict[str, Any]]] = {
    "sgd": (torch.optim.SGD, {"momentum": 0.9, "nesterov": True, "weight_decay": 5e-4}),
    "adamw": (torch.optim.AdamW, {}),
    "rmsprop": (torch.optim.RMSprop, {"alpha": 0.9}),
    "adafactor": (torch.optim.Adafactor, {}),
}
FORMS: dict[str, dict[str, bool]] = {
    "loop": {"foreach": False},
    "list": {"foreach": True},
    "one kernel": {"fused": True},
}
ONE_KERNEL = ("sgd", "adamw")
STEPS = 3


def stepper(network: nn.Module, name: str, form: str) -> Callable[[], object]:
    """Steps of an optimiser on copies of the network's weights, with gradients that stay."""
    copies = [nn.Parameter(parameter.detach().clone()) for parameter in network.parameters()]
    for copy in copies:
        copy.grad = torch.randn_like(copy) * 1e-3
    kind, options = OPTIMISERS[name]
    return kind(copies, lr=1e-4, **options, **FORMS[form]).step  # type: ignore[call-arg]


def averager(network: nn.Module) -> Callable[[], object]:
    average = Average(network, AverageOptions())
    return lambda: average.update(network)


def medians(steps: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    spent: dict[str, list[float]] = {form: [] for form in steps}
    for step in steps.values():
        step()
    for _ in range(rounds):
        for form in random.sample(list(steps), len(steps)):
            began = time.perf_counter()
            for _ in range(STEPS):
                steps[form]()
            spent[form].append((time.perf_counter() - began) / STEPS * 1000)
    return {form: round(statistics.median(values), 3) for form, values in spent.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=12)
    rounds = parser.parse_args().rounds
    for name, options in NETWORKS.items():
        network = models.build(name, 10, **options)
        facts = {"network": name, "parameters": sum(p.numel() for p in network.parameters())}
        for optimiser in OPTIMISERS:
            forms = [form for form in FORMS if form != "one kernel" or optimiser in ONE_KERNEL]
            steps = {form: stepper(network, optimiser, form) for form in forms}
            print(json.dumps({**facts, "step": optimiser, "ms": medians(steps, rounds)}), flush=True)
        print(
            json.dumps({**facts, "step": "average", "ms": medians({"update": averager(network)}, rounds)}), flush=True
        )


if __name__ == "__main__":
    main()
