"""Our losses and gradients are those that other implementations give on fixed inputs."""

import json
import os
import re
from pathlib import Path

import numpy as np
import pytest
import torch

from kdcore.testing import GOLDENS, golden

FOLDER = Path(os.environ.get("DISTILLERY_GOLDENS", Path(__file__).parents[4] / "shared" / "goldens"))
DOCUMENT = json.loads((FOLDER / "goldens.json").read_text()) if (FOLDER / "goldens.json").exists() else None


def cases():
    if DOCUMENT is None:
        reason = f"no golden values in {FOLDER}: set DISTILLERY_GOLDENS"
        return [pytest.param(None, marks=pytest.mark.skip(reason=reason))]
    ours = [case for case in DOCUMENT["cases"] if case["method"] in GOLDENS and case["inputs"] in DOCUMENT["inputs"]]
    return [pytest.param(case, id=case["id"]) for case in ours]


def tensors(file, dtype):
    arrays = np.load(FOLDER / file)
    return {
        name: torch.tensor(arrays[name]).to(dtype) if arrays[name].dtype.kind == "f" else torch.tensor(arrays[name])
        for name in arrays
    }


def students_of(inputs):
    return {name: tensor.requires_grad_() for name, tensor in inputs.items() if re.fullmatch(r"s\d*", name)}


@pytest.mark.parametrize("case", cases())
@pytest.mark.parametrize(
    ("dtype", "loss_tolerance", "gradient_tolerance"), [(torch.float64, 1e-6, 5e-5), (torch.float32, 2e-4, 1e-2)]
)
def test_loss_and_gradient_agree_with_the_peer(case, dtype, loss_tolerance, gradient_tolerance):
    inputs = tensors(DOCUMENT["inputs"][case["inputs"]]["file"], dtype)
    state = tensors(case["state"], dtype) if case.get("state") else None
    students = students_of(inputs)
    loss = golden(case["method"], case["params"], state)(inputs)
    loss.backward()
    smallest = 1e-5 if dtype == torch.float32 else 1e-12  # what rounding leaves of a loss that is zero
    assert loss.dtype == dtype
    assert loss.item() == pytest.approx(case["loss_f64"], rel=loss_tolerance, abs=smallest)
    if case.get("grads") and case["loss_f64"] > 1e-6:
        expected = tensors(case["grads"], dtype)
        for name, gradient in expected.items():
            if gradient.isfinite().all():
                assert_close(students[name].grad, gradient, gradient_tolerance)
    assert all(student.grad.isfinite().all() for student in students.values() if student.grad is not None)


def assert_close(gradient, expected, tolerance):
    floor = 1e-7 if gradient.dtype == torch.float32 else 1e-12  # what rounding leaves of a gradient that is zero
    torch.testing.assert_close(gradient, expected, rtol=0, atol=tolerance * float(expected.abs().max()) + floor)


def test_an_unknown_loss_is_refused_with_the_known_ones():
    with pytest.raises(LookupError, match=r"no piece for 'nothing'; known: .*kd, "):
        golden("nothing", {})


def test_weights_for_a_loss_without_weights_are_refused():
    with pytest.raises(LookupError, match="'kd' is a loss without weights"):
        golden("kd", {"T": 4}, {"weight": torch.ones(1)})
