"""DFPT-KD's claim on real digits: the prompted path comes nearer to the student and stays as accurate."""

import pytest
import torch
from sklearn.datasets import load_digits
from torch.nn import functional as F

from kdcore.measure import predict
from kdcore.measure.trail import trail
from kdcore.models import build
from kdcore.objective import distance, prompted
from kdcore.objective.networks import fingerprint

TRAINED = 1300
BATCH = 64


def digits():
    raw = load_digits()
    images = torch.from_numpy(raw.images).float()[:, None] / 16 - 0.3
    return images, torch.from_numpy(raw.target)


def batches(epochs):
    """Rows of each batch, and the factor on the learning rate, which falls to zero."""
    steps = epochs * -(-TRAINED // BATCH)
    rows = (rows for _ in range(epochs) for rows in torch.randperm(TRAINED).split(BATCH))
    yield from ((batch, 1 - step / steps) for step, batch in enumerate(rows))


class Descent:
    """SGD with momentum, and with a rate of its own for each prefix of ``scales``."""

    def __init__(self, network, rate, scales=None):
        scales = scales or {}
        groups = {}
        for name, parameter in network.named_parameters():
            scale = next((value for prefix, value in scales.items() if name.startswith(prefix)), 1)
            groups.setdefault(rate * scale, []).append(parameter)
        self.rates = list(groups)
        parameters = [{"params": group} for group in groups.values()]
        self.optimiser = torch.optim.SGD(parameters, lr=rate, momentum=0.9, weight_decay=5e-4)

    def __call__(self, loss, factor):
        for group, rate in zip(self.optimiser.param_groups, self.rates, strict=True):
            group["lr"] = rate * factor
        self.optimiser.zero_grad()
        loss.backward()
        self.optimiser.step()


@pytest.mark.slow
@pytest.mark.parametrize("tune", [False, True])
def test_after_training_the_path_is_nearer_to_the_student_and_as_accurate_as_the_teacher(tune):
    torch.manual_seed(0)
    images, labels = digits()
    teacher, student = build("resnet8", 10, in_channels=1), build("resnet8", 10, in_channels=1, width=0.125)
    descend = Descent(teacher, 0.05)
    for rows, factor in batches(12):
        descend(F.cross_entropy(teacher(images[rows]), labels[rows]), factor)
    path = prompted(teacher, tune=tune, sample=images[:2])
    before, kl = fingerprint(teacher), distance("kl", temperature=4)
    move_student, move_path = Descent(student, 0.05), Descent(path, 0.01, path.parameter_scales())
    for rows, factor in batches(8):
        plain, target = teacher(images[rows]), labels[rows]
        told, said = path(images[rows]), student(images[rows])
        move_student(F.cross_entropy(said, target) + kl(said, plain) + kl(said, told), factor)
        move_path(F.cross_entropy(told, target) + kl(told, plain) + kl(told, said), factor)
    assert fingerprint(teacher) == before
    logits = [predict(network, images[TRAINED:]) for network in (teacher, path, student)]
    found = trail(labels[TRAINED:], *logits, allowed_drop=0.02)
    assert found["light"] == "green", found["reason"]
    assert found["divergence"]["prompted_from_teacher"] > 0
