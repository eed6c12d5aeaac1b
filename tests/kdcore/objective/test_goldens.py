"""Our losses and gradients are those that other implementations give on fixed inputs."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
import torch

from kdcore.testing import GOLDENS, golden

FOLDER = Path(os.environ.get("DISTILLERY_GOLDENS", Path(__file__).parents[4] / "shared" / "goldens"))


def cases():
    if not (FOLDER / "goldens.json").exists():
        reason = f"no golden values in {FOLDER}: set DISTILLERY_GOLDENS"
        return [pytest.param(None, None, marks=pytest.mark.skip(reason=reason))]
    document = json.loads((FOLDER / "goldens.json").read_text())
    ours = [case for case in document["cases"] if case["method"] in GOLDENS and case["inputs"] in document["inputs"]]
    return [pytest.param(case, document["inputs"][case["inputs"]]["file"], id=case["id"]) for case in ours]


def tensors(file, dtype):
    arrays = np.load(FOLDER / file)
    return {
        name: torch.tensor(arrays[name]).to(dtype) if arrays[name].dtype.kind == "f" else torch.tensor(arrays[name])
        for name in arrays
    }


@pytest.mark.parametrize(("case", "file"), cases())
@pytest.mark.parametrize(
    ("dtype", "loss_tolerance", "gradient_tolerance"), [(torch.float64, 1e-6, 5e-5), (torch.float32, 2e-4, 1e-2)]
)
def test_loss_and_gradient_agree_with_the_peer(case, file, dtype, loss_tolerance, gradient_tolerance):
    floor = 1e-7 if dtype == torch.float32 else 1e-12  # what rounding leaves of a gradient that is zero
    inputs = tensors(file, dtype)
    inputs["s"].requires_grad_()
    loss = golden(case["method"], case["params"])(inputs)
    loss.backward()
    assert loss.dtype == dtype
    assert loss.item() == pytest.approx(
        case["loss_f64"], rel=loss_tolerance, abs=1e-5 if dtype == torch.float32 else 1e-12
    )
    assert inputs["s"].grad.isfinite().all()
    if case.get("grads") and case["loss_f64"] > 1e-6:
        expected = torch.tensor(np.load(FOLDER / case["grads"])["s"]).to(dtype)
        if expected.isfinite().all():
            torch.testing.assert_close(
                inputs["s"].grad, expected, rtol=0, atol=gradient_tolerance * float(expected.abs().max()) + floor
            )
