"""What every detector here is: one tensor of raw head outputs, with losses and detections made of it by torchvision."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn
from torchvision.models.detection.image_list import ImageList

from kdcore.models.landmarks import Landmarks
from kdcore.spec.tasks import UNLABELLED

SCORE, CANDIDATES, PER_PICTURE = 0.01, 1000, 100
"""Detections below the score are dropped; of the others so many are looked at, and so many kept as COCO counts."""


@dataclass(frozen=True)
class Found:
    """The detections of one picture, best first.

    Attributes:
        boxes: float32 [D, 4], corners x1, y1, x2, y2 in pixels.
        scores: float32 [D], 0 to 1.
        labels: int64 [D], classes from 0.
    """

    boxes: Tensor
    scores: Tensor
    labels: Tensor


@dataclass(frozen=True)
class Columns:
    """What the columns of raw outputs hold.

    Attributes:
        scoring: ``sigmoid``, each class on its own; ``softmax``, background in column 0 and then the classes.
        classes: columns of class logits.
        boxes: columns of box regressions.
        centreness: column of FCOS's centreness, where there is one.
    """

    scoring: Literal["sigmoid", "softmax"]
    classes: slice
    boxes: slice
    centreness: int | None


class RawOutputs(nn.Module):
    """A head's outputs side by side: class logits, box regressions, and centreness where there is one."""

    def forward(self, outputs: dict[str, Tensor]) -> Tensor:
        """From [B, A, ...] each to one tensor [B, A, columns]."""
        names = [name for name in ("cls_logits", "bbox_regression", "bbox_ctrness") if name in outputs]
        return torch.cat([outputs[name] for name in names], dim=2)


class Detector(nn.Module):
    """A torchvision detector as a network like any other: pictures in, one tensor out.

    Mixed in before the torchvision class, whose backbone, head, anchors, matching, box coding and losses it uses as
    they are. Pictures come normalised and of one size, so nothing is resized here.

    Attributes:
        landmarks: aliases ``fpn`` (the levels), ``class_maps`` and ``box_maps`` (what the heads say on each).
        picture: height and width of the pictures that were last seen; anchors follow from them.
        strides: of each level, from fine to coarse.
        box_code: how box regressions are to be read: ``offsets`` of an anchor's centre and logarithms of its sides,
            ``scaled offsets`` likewise times 10 and 5, or ``distances`` from a place to the four sides, in strides.
        background: columns of class logits before the first class.
        has_centreness: whether the last column is FCOS's centreness.
    """

    backbone: nn.Module
    head: nn.Module
    anchor_generator: Any
    compute_loss: Any
    postprocess_detections: Any
    proposal_matcher: Any
    box_coder: Any
    landmarks: Landmarks
    num_classes: int
    picture: tuple[int, int] = (0, 0)
    strides: tuple[int, ...]
    box_code: ClassVar[str]
    background: ClassVar[int] = 0
    has_centreness: ClassVar[bool] = False

    def finish(self, num_classes: int, strides: Sequence[int]) -> None:
        """After torchvision's constructor: what it does not know or what is not used."""
        del self.transform
        self.num_classes, self.strides = num_classes, tuple(strides)
        self.raw: nn.Module = RawOutputs()
        self._anchors: dict[tuple[int, int, torch.device], Tensor] = {}

    @property
    def columns(self) -> Columns:
        """Where in the last dimension of the outputs what is found."""
        count = self.num_classes + self.background
        last = count + 4 if self.has_centreness else None
        return Columns("softmax" if self.background else "sigmoid", slice(0, count), slice(count, count + 4), last)

    @property
    def answer_shape(self) -> tuple[int, int]:
        """Rows and columns of a picture's outputs."""
        return sum(self.levels()), self.num_classes + self.background + 4 + self.has_centreness

    def forward(self, images: Tensor) -> Tensor:
        """Raw outputs [B, A, columns] of pictures [B, C, H, W]; A anchors, level by level, row by row."""
        self.picture = (images.shape[2], images.shape[3])
        features = list(self.backbone(images).values())
        outputs: Tensor = self.raw(self.head(features))
        return outputs

    def grids(self) -> list[tuple[int, int]]:
        """Height and width of each level for pictures of the last size.

        Raises:
            ValueError: no picture was seen yet.
        """
        height, width = self.picture
        if not height:
            raise ValueError("the detector has seen no picture yet, so its anchors are not known")
        return [(-(-height // stride), -(-width // stride)) for stride in self.strides]

    def levels(self) -> list[int]:
        """Anchors of each level."""
        counts = self.anchor_generator.num_anchors_per_location()
        return [rows * columns * count for (rows, columns), count in zip(self.grids(), counts, strict=True)]

    def anchors(self, device: torch.device, dtype: torch.dtype = torch.float32) -> Tensor:
        """Anchors [A, 4] as corners in pixels, in the order of the outputs' rows."""
        key = (*self.picture, device)
        if key not in self._anchors:
            maps = [torch.empty(1, 1, *grid, device=device) for grid in self.grids()]
            picture = torch.empty(1, 1, *self.picture, device=device)
            with torch.no_grad():
                # Not a call of the module: whoever records a forward pass would see it in the first one alone.
                (self._anchors[key],) = self.anchor_generator.forward(ImageList(picture, [self.picture]), maps)
        return self._anchors[key].to(dtype)

    def losses(self, outputs: Tensor, targets: Tensor) -> dict[str, Tensor]:
        """The detector's own training losses, as torchvision computes them in training mode.

        Args:
            outputs: raw outputs [B, A, columns].
            targets: boxes [B, M, 5]: class, x1, y1, x2, y2 in pixels; class -1 fills up. Pictures without a box count
                as background, pictures of class ``UNLABELLED``, whose boxes the learner may not know, do not count.
        """
        known = [i for i, rows in enumerate(targets) if not len(rows) or int(rows[0, 0]) != UNLABELLED]
        if not known:
            return {"classification": outputs.sum() * 0}
        boxes = [self._boxes(targets[i].to(outputs.device), outputs.dtype) for i in known]
        kept = outputs if len(known) == len(outputs) else outputs[known]
        anchors = [self.anchors(outputs.device, outputs.dtype)] * len(known)
        losses: dict[str, Tensor] = self.matched_losses(boxes, self.named(kept), anchors)
        return losses

    def detections(self, outputs: Tensor) -> list[Found]:
        """What raw outputs [B, A, columns] say is in the pictures, after non-maximum suppression by class."""
        with torch.no_grad():
            named = {
                name: one.contiguous() for name, one in self.named(outputs.float()).items()
            }  # bits, too, as theirs
            found = self.decoded(named, self.anchors(outputs.device))
        return [Found(one["boxes"], one["scores"], one["labels"] - self.background) for one in found]

    def _boxes(self, rows: Tensor, dtype: torch.dtype) -> dict[str, Tensor]:
        """torchvision's target of one picture; a box without area, which nothing can match, is none."""
        rows = rows[(rows[:, 0] >= 0) & (rows[:, 3] > rows[:, 1]) & (rows[:, 4] > rows[:, 2])]
        return {"boxes": rows[:, 1:].to(dtype), "labels": rows[:, 0].long() + self.background}

    def named(self, outputs: Tensor) -> dict[str, Tensor]:
        """Raw outputs under torchvision's names."""
        columns = self.columns
        found = {"cls_logits": outputs[..., columns.classes], "bbox_regression": outputs[..., columns.boxes]}
        if columns.centreness is not None:
            found["bbox_ctrness"] = outputs[..., columns.centreness :]
        return found

    def split(self, named: dict[str, Tensor]) -> dict[str, list[Tensor]]:
        """Named outputs level by level."""
        levels = self.levels()
        return {name: list(tensor.split_with_sizes(levels, 1)) for name, tensor in named.items()}

    def matched_losses(
        self, targets: list[dict[str, Tensor]], named: dict[str, Tensor], anchors: list[Tensor]
    ) -> dict[str, Tensor]:
        """Anchors assigned to boxes, and the losses of that, by torchvision's code."""
        raise NotImplementedError

    def decoded(self, named: dict[str, Tensor], anchors: Tensor) -> list[dict[str, Tensor]]:
        """torchvision's detections, one record a picture."""
        levels = list(anchors.split_with_sizes(self.levels()))
        count = len(named["cls_logits"])
        found: list[dict[str, Tensor]] = self.postprocess_detections(
            self.split(named), [levels] * count, [self.picture] * count
        )
        return found

    def decoding(self) -> dict[str, Any]:
        """What a device needs to read the outputs, JSON-ready; `docs/detection.md` shows the lines that do.

        An anchor of ``levels`` is ``cells[c] + [column, row, column, row] * step``; outputs have a row for each, level
        by level, row by row, column by column, cell by cell.
        """
        columns, limits = self.columns, ("score_thresh", "nms_thresh", "topk_candidates", "detections_per_img")
        return {
            "picture": list(self.picture),
            "scoring": columns.scoring,
            "classes": [columns.classes.start + self.background, columns.classes.stop],
            "boxes": [columns.boxes.start, columns.boxes.stop],
            "centreness": columns.centreness,
            "box_code": self.box_code,
            "box_weights": list(getattr(self.box_coder, "weights", ())),
            "levels": self._cells(),
            **{name: getattr(self, name) for name in limits},
        }

    def _cells(self) -> list[dict[str, Any]]:
        """The anchors of each level as those of its first place and the steps to the next ones."""
        found, anchors = [], self.anchors(torch.device("cpu"))
        for (rows, columns), part in zip(self.grids(), anchors.split_with_sizes(self.levels()), strict=True):
            places = part.view(rows, columns, -1, 4)
            down = float(places[1, 0, 0, 1] - places[0, 0, 0, 1]) if rows > 1 else 0.0
            right = float(places[0, 1, 0, 0] - places[0, 0, 0, 0]) if columns > 1 else 0.0
            found.append({"grid": [rows, columns], "step": [down, right], "cells": places[0, 0].tolist()})
        return found

    def layout(self) -> tuple[Any, ...]:
        """What the outputs' rows and columns mean; equal for detectors whose outputs can be compared one by one."""
        generator = self.anchor_generator
        sides = getattr(generator, "sizes", None) or tuple(generator.scales)
        ratios = tuple(map(tuple, generator.aspect_ratios))
        return (self.box_code, self.columns, self.strides, self.picture, sides, ratios)
