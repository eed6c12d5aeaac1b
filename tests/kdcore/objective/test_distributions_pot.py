"""The exact transport has the value and the gradient of POT's."""

import ot
import pytest
import torch

from kdcore.objective import distance


@pytest.mark.parametrize(("samples", "width"), [(16, 3), (64, 128), (128, 512)])
def test_the_exact_transport_has_the_value_and_gradient_of_pot(samples, width):
    torch.manual_seed(samples)
    student, teacher = torch.randn(samples, width, requires_grad=True), torch.randn(samples, width) + 0.3
    ours = distance("wasserstein")(student, teacher)
    (gradient,) = torch.autograd.grad(ours, student)
    uniform = torch.full((samples,), 1 / samples)
    theirs = ot.emd2(uniform, uniform, ot.dist(student, teacher))
    (expected,) = torch.autograd.grad(theirs, student)
    assert float(ours) == pytest.approx(float(theirs), rel=1e-5)
    torch.testing.assert_close(gradient, expected, rtol=1e-3, atol=1e-5)
