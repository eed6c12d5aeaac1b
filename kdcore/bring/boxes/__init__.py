"""Readers of datasets that are pictures with boxes."""

from __future__ import annotations

from kdcore.bring.boxes.coco import read_coco
from kdcore.bring.boxes.voc import read_voc
from kdcore.bring.boxes.yolo import read_yolo
from kdcore.bring.room import Reader

BOXES: dict[str, Reader] = {"voc": read_voc, "coco": read_coco, "yolo": read_yolo}
