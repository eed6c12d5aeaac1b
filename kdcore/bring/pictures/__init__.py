"""Readers of datasets that are pictures."""

from __future__ import annotations

from kdcore.bring.pictures.idx import read_idx
from kdcore.bring.pictures.image_csv import read_image_csv
from kdcore.bring.pictures.image_folder import read_image_folder
from kdcore.bring.pictures.image_masks import read_image_masks
from kdcore.bring.pictures.npz import read_npz
from kdcore.bring.room import Reader

PICTURES: dict[str, Reader] = {
    "image-folder": read_image_folder,
    "image-csv": read_image_csv,
    "idx": read_idx,
    "npz": read_npz,
    "image-masks": read_image_masks,
}
