"""Distances that read classifiers beside features: where classes lie in a map, and what becomes of a feature."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import functional_call

from kdcore.objective.distances.base import Classes, Context, Distance, same_shape
from kdcore.objective.distances.decoupled import OFA
from kdcore.objective.distances.maps import as_maps
from kdcore.spec.rooms.modules import ActivationMapOptions
from kdcore.spec.rooms.piece import NoOptions

FAINT = 1e-6
"""A class map of a smaller norm is taken as it is, so that an empty one has no direction."""


def class_maps(feature: Tensor, head: Any, name: str) -> Tensor:
    """Class-activation maps [B, N, H, W] of a feature map [B, C, H, W]; each averages to its class's logit.

    Zhou et al. 2016 (CAM), equation 2, with the bias, as a classifier that is applied at every position.

    Raises:
        ValueError: for a classifier that is neither a linear layer nor a 1x1 convolution on these channels.
    """
    if not isinstance(head, nn.Linear | nn.Conv2d):
        raise ValueError(f"{name} reads the weights of a linear layer or 1x1 convolution (got {type(head).__name__})")
    weight = head.weight if isinstance(head, nn.Conv2d) else head.weight[:, :, None, None]
    if weight.shape[1:] != (feature.shape[1], 1, 1):
        raise ValueError(
            f"{name}: the classifier takes {tuple(weight.shape[1:])} features and the map {tuple(feature.shape)} has "
            f"{feature.shape[1]} channels: choose the map that is averaged for the classifier"
        )
    bias = None if head.bias is None else head.bias.to(feature)
    return F.conv2d(feature, weight.to(feature), bias)


class ClassActivation(Distance):
    """``mean (u(A_s) - u(A_t))²``: class-activation maps averaged to a small grid, each of unit norm.

    Guo et al. 2023 (CAT-KD), section 3.3. Maps [B, C, H, W] of any channels and sizes that enter the classifiers
    ``student_head`` and ``teacher_head`` of the context; the student's classifier learns, too.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"student_head", "teacher_head"})

    def __init__(self, options: ActivationMapOptions) -> None:
        super().__init__()
        self.grid = options.size

    def measure(self, student: Tensor, teacher: Tensor | None, target: Tensor | None, context: Context) -> Tensor:
        assert teacher is not None
        own = self._unit(class_maps(as_maps(student, "cat"), context["student_head"], "cat"))
        followed = self._unit(class_maps(as_maps(teacher, "cat"), context["teacher_head"], "cat")).detach()
        return (own - same_shape(own, followed, "cat")).square().mean()

    def _unit(self, maps: Tensor) -> Tensor:
        return F.normalize(F.adaptive_avg_pool2d(maps, self.grid).flatten(2), dim=2, eps=FAINT)


class Regression(Distance):
    """``mean (s - t)² + mean (h(s) - h(t))²`` with the teacher's classifier h, which does not learn.

    Yang et al. 2021 (SRRL), equations 2 and 6, with the means of the published codes. Features that enter the
    classifier ``teacher_head`` of the context, of equal shapes.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"teacher_head"})
    token_by_token: ClassVar[bool] = True

    def __init__(self, options: NoOptions) -> None:
        super().__init__()

    def measure(self, student: Tensor, teacher: Tensor | None, target: Tensor | None, context: Context) -> Tensor:
        followed = same_shape(student, teacher, "srrl")
        self._check(context["teacher_head"], student)
        head = frozen(context["teacher_head"], student)
        return F.mse_loss(student, followed) + F.mse_loss(head(student), head(followed).detach())

    @staticmethod
    def _check(head: Any, feature: Tensor) -> None:
        """Whether a linear layer or a convolution can read the feature."""
        if isinstance(head, nn.Linear):
            wanted, found = head.in_features, feature.shape[-1]
        elif isinstance(head, nn.Conv2d):
            wanted, found = head.in_channels, feature.shape[1]
        else:
            return
        if wanted != found or (isinstance(head, nn.Conv2d) and feature.ndim != 4):
            raise ValueError(
                f"srrl: the teacher's classifier takes {wanted} features and cannot read {tuple(feature.shape)}: "
                "choose the layer that enters it, such as penultimate"
            )


def frozen(head: Callable[[Tensor], Tensor], like: Tensor) -> Callable[[Tensor], Tensor]:
    """A classifier whose weights get no gradient, in the precision of ``like``."""
    if not isinstance(head, nn.Module):
        return head
    state = {name: tensor.detach() for name, tensor in (*head.named_parameters(), *head.named_buffers())}
    cast = {name: tensor.to(like) if tensor.is_floating_point() else tensor for name, tensor in state.items()}

    def applied(feature: Tensor) -> Tensor:
        return torch.as_tensor(functional_call(head, cast, (feature,)))

    return applied


class Branch(OFA):
    """The term ``ofa`` on the logits [B, N] that an adapter makes of a layer of the student, beside the teacher's."""


CLASSES: Classes = {"cat": ClassActivation, "srrl": Regression, "ofa_branch": Branch}
