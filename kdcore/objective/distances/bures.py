"""Bures' distance of covariances, with a gradient that survives singular ones."""

from __future__ import annotations

import torch
from torch import Tensor


def bures(a: Tensor, b: Tensor) -> Tensor:
    """``tr(A + B - 2 (A^½ B A^½)^½)`` of symmetric matrices [D, D] without negative eigenvalues.

    Dowson, Landau 1982. The gradient in A is ``I - T`` with the transport map ``T = B^½ (B^½ A B^½)^-½ B^½`` from
    N(0, A) to N(0, B); differentiating the eigenvectors instead fails where two eigenvalues are equal. The inverse
    leaves out directions that one of the two does not have.
    """
    plain = a.trace() + b.trace()
    if not plain.isfinite():
        return plain
    with torch.no_grad():
        root = _power(b, 0.5)
        inner = root @ a @ root
        inner = (inner + inner.T) / 2
        crossed = _power(inner, 0.5).trace()
        slope = torch.eye(len(a), dtype=a.dtype, device=a.device) - root @ _power(inner, -0.5) @ root
        constant = plain - 2 * crossed - (slope * a).sum()
    return (slope * a).sum() + constant


def bures_of_rows(x: Tensor, y: Tensor) -> Tensor:
    """The same of ``A = XᵀX`` and ``B = YᵀY`` with rows [N, D] and [M, D], fewer than D.

    The last trace is then the nuclear norm of ``X Yᵀ`` [N, M]: no matrix of the width's size is needed.
    """
    plain = x.square().sum() + y.square().sum()
    if not plain.isfinite():
        return plain
    product = x @ y.T
    with torch.no_grad():
        u, values, v = torch.linalg.svd(product, full_matrices=False)
        directions = (u * (values > _noise(values))) @ v
    distance: Tensor = plain - 2 * (directions * product).sum()
    return distance


def _power(matrix: Tensor, power: float) -> Tensor:
    values, vectors = torch.linalg.eigh(matrix)
    kept = values > _noise(values)
    powered: Tensor = (vectors * torch.where(kept, values, 1.0).pow(power) * kept) @ vectors.T
    return powered


def _noise(values: Tensor) -> Tensor:
    """What rounding makes of a zero."""
    return len(values) * torch.finfo(values.dtype).eps * values.abs().max()
