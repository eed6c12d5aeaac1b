"""A small student of the registry, trained for a few seconds on real digits, and its held-out pictures."""

from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import Tensor

from kdcore.export import Delivery, Judge, export_onnx
from kdcore.measure import accuracy, agreement
from kdcore.models import build

DESCRIPTION = {"architecture": "resnet8", "num_classes": 10, "options": {"in_channels": 1}}


def digits() -> tuple[Tensor, Tensor]:
    raw = load_digits()
    images = torch.from_numpy(raw.images.astype(np.float32) / 16 - 0.3)[:, None]
    return images, torch.from_numpy(raw.target.astype(np.int64))


def judge(labels: Tensor) -> Judge:
    """By accuracy."""
    return Judge(lambda answers: accuracy(answers, labels), lambda own, others: agreement(others, own))


@pytest.fixture(scope="session")
def labels() -> Tensor:
    """Of the held-out pictures."""
    return digits()[1][1400:]


@pytest.fixture(scope="session")
def delivery() -> Delivery:
    torch.manual_seed(0)
    images, labels = digits()
    student = build("resnet8", 10, in_channels=1)
    optimiser = torch.optim.SGD(student.parameters(), lr=0.1, momentum=0.9)
    for _ in range(4):
        for rows in torch.randperm(1400).split(50):
            optimiser.zero_grad()
            F.cross_entropy(student(images[rows]), labels[rows]).backward()
            optimiser.step()
    return Delivery(
        student=student.train(),
        description=DESCRIPTION,
        input_shape=(1, 8, 8),
        inputs=images[1400:],
        judge=judge(labels[1400:]),
        calibration=images[:200],
    )


@pytest.fixture(scope="session")
def float_onnx(delivery: Delivery, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("onnx") / "student.onnx"
    export_onnx(delivery.student, delivery.input_shape, path, delivery.description)
    return path
