"""Inputs for pieces with learned parts, and claims that all of them keep."""

import copy

import torch


def noise(*shape, seed=0, dtype=torch.float64):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def round_trip(piece, fresh, *inputs, **further):
    """A fresh piece says what ``piece`` says once it has loaded its state, and said something else before."""
    expected = piece(*inputs, **further)
    before = copy.deepcopy(fresh)(*inputs, **further)
    fresh.to(torch.float64).load_state_dict(piece.state_dict())
    assert torch.equal(fresh(*inputs, **further), expected)
    return not torch.equal(before, expected)


def gradients(loss, *tensors):
    return torch.autograd.grad(loss, tensors, allow_unused=True)
