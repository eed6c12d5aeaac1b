"""Every format and every task once, on a little of the real data: what is uploaded, how it is described, which job."""

from __future__ import annotations

import csv
import gzip
import json
import shutil
import struct
import tarfile
import xml.etree.ElementTree as ET
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from bringing import real
from PIL import Image
from pyarrow import csv as arrow_csv
from pyarrow import parquet

Gather = Callable[[Path], Path]
"""Puts what is uploaded into an empty folder; returns the file or folder to send."""


@dataclass(frozen=True)
class Case:
    """A dataset that is brought, and a job on it.

    Attributes:
        options: of the dataset.
        gather: makes what is uploaded.
        teacher, student: architectures with options.
        method: a preset.
        training: changes to a short training.
        task: that the card must name.
        splits: that the card must have, beside what is cut.
    """

    options: dict[str, Any]
    gather: Gather
    teacher: dict[str, Any]
    student: dict[str, Any]
    task: str
    method: Any = "hinton"
    training: dict[str, Any] = field(default_factory=dict)

    def spec(self, name: str, dataset: dict[str, Any], epochs: int = 1) -> dict[str, Any]:
        """The job, with so many epochs for teacher and student."""
        training = {"epochs": epochs, "batch_size": 16, "optimizer": {"name": "adamw", "lr": 2e-3}, "compile": "off"}
        return {
            "name": name,
            "dataset": dataset,
            "teacher": {**self.teacher, "train": {"epochs": epochs}},
            "student": self.student,
            "method": self.method,
            "training": {**training, **self.training},
            "deliver": ["safetensors", "onnx"],
            "resources": {"device": "cpu", "threads": 1},
        }


def _lines(source: Path, target: Path, count: int) -> None:
    with source.open(encoding="utf-8") as lines:
        target.write_text("".join(islice(lines, count)), encoding="utf-8")


def signs(room: Path, counts: tuple[int, int] = (12, 4)) -> Path:
    """A tar of class folders: so many training and test pictures of each digit."""
    path = room / "signs.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for part, count in zip(("train", "test"), counts, strict=True):
            for digit in sorted((real("sign-language-digits") / part).iterdir()):
                for picture in sorted(digit.iterdir())[:count]:
                    archive.add(picture, f"signs/{part}/{digit.name}/{picture.name}")
    return path


def _idx(source: Path, target: Path, count: int) -> None:
    """The first items of an idx file, with a header that says how many."""
    raw = gzip.decompress(source.read_bytes())
    dimensions = raw[3]
    sizes = struct.unpack(f">{dimensions}I", raw[4 : 4 + 4 * dimensions])
    item = int(np.prod(sizes[1:], dtype=np.int64))
    header = raw[:4] + struct.pack(f">{dimensions}I", count, *sizes[1:])
    body = raw[4 + 4 * dimensions :][: count * item]
    target.write_bytes(gzip.compress(header + body, 1))


def fashion(room: Path) -> Path:
    """600 training and 200 test pictures in MNIST's form."""
    raw = real("fashion-mnist") / "FashionMNIST" / "raw"
    for part, count in (("train", 600), ("t10k", 200)):
        for kind in ("images-idx3", "labels-idx1"):
            _idx(raw / f"{part}-{kind}-ubyte.gz", room / f"{part}-{kind}-ubyte.gz", count)
    return room


def kuzushiji(room: Path) -> Path:
    """800 pictures and their labels as arrays."""
    for name in ("imgs", "labels"):
        with np.load(real("kmnist-10k") / f"kmnist-test-{name}.npz") as found:
            np.savez_compressed(room / f"{name}.npz", found["arr_0"][:800])
    return room


def _cells(names: list[str]) -> list[tuple[str, Path, list[tuple[str, tuple[int, ...]]]]]:
    """Blood pictures with their boxes: (name, picture, [(class, box)])."""
    folder = real("bccd-voc") / "BCCD"
    found = []
    for name in names:
        tree = ET.parse(folder / "Annotations" / f"{name}.xml")
        boxes = [
            (one.findtext("name", ""), tuple(int(float(side.text or 0)) for side in one.find("bndbox") or ()))
            for one in tree.iter("object")
        ]
        found.append((name, folder / "JPEGImages" / f"{name}.jpg", boxes))
    return found


def _listed(part: str, count: int) -> list[str]:
    folder = real("bccd-voc") / "BCCD" / "ImageSets" / "Main"
    return (folder / f"{part}.txt").read_text().split()[:count]


def cell_kinds(room: Path, count: int = 48) -> Path:
    """A table of blood pictures with a column for each kind of cell that is in them."""
    kinds = ("RBC", "WBC", "Platelets")
    with (room / "cells.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["file", "part", *kinds])
        for part, listed in (("train", "trainval"), ("test", "test")):
            for _, picture, boxes in _cells(_listed(listed, count)):
                shutil.copy(picture, room / picture.name)
                rows.writerow([picture.name, part, *(int(any(kind == one for one, _ in boxes)) for kind in kinds)])
    return room


def cell_counts(room: Path, count: int = 48) -> Path:
    """A table of blood pictures with the number of red cells."""
    with (room / "counts.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["file", "part", "red"])
        for part, listed in (("train", "trainval"), ("test", "test")):
            for _, picture, boxes in _cells(_listed(listed, count)):
                shutil.copy(picture, room / picture.name)
                rows.writerow([picture.name, part, sum(kind == "RBC" for kind, _ in boxes)])
    return room


def cell_masks(room: Path, count: int = 32) -> Path:
    """Blood pictures with masks: the ellipse in each box is of its class (made here; the data has boxes only)."""
    for part, listed in (("train", "trainval"), ("test", "test")):
        for name, picture, boxes in _cells(_listed(listed, count)):
            (room / part / "images").mkdir(parents=True, exist_ok=True)
            (room / part / "masks").mkdir(parents=True, exist_ok=True)
            image = Image.open(picture)
            image.save(room / part / "images" / f"{name}.png")
            Image.fromarray(_ellipses(image.size, boxes)).save(room / part / "masks" / f"{name}.png")
    return room


def _ellipses(size: tuple[int, int], boxes: list[tuple[str, tuple[int, ...]]]) -> np.ndarray:
    width, height = size
    mask = np.zeros((height, width), np.uint8)
    down, across = np.mgrid[:height, :width]
    for kind, (left, top, right, bottom) in boxes:
        middle, reach = ((left + right) / 2, (top + bottom) / 2), (max(right - left, 1) / 2, max(bottom - top, 1) / 2)
        inside = ((across - middle[0]) / reach[0]) ** 2 + ((down - middle[1]) / reach[1]) ** 2 <= 1
        mask[inside] = 1 if kind == "RBC" else 2
    return mask


def cells(room: Path, count: int = 32) -> Path:
    """Blood pictures in Pascal VOC's form."""
    for folder in ("Annotations", "JPEGImages", "ImageSets/Main"):
        (room / folder).mkdir(parents=True)
    for part in ("train", "val", "test"):
        names = _listed(part, count)
        (room / "ImageSets" / "Main" / f"{part}.txt").write_text("\n".join(names) + "\n")
        for name, picture, _ in _cells(names):
            shutil.copy(picture, room / "JPEGImages")
            shutil.copy(real("bccd-voc") / "BCCD" / "Annotations" / f"{name}.xml", room / "Annotations")
    return room


def boards(room: Path) -> Path:
    """Circuit boards with a COCO file for each split."""
    for part, count in (("train", 40), ("test", 16)):
        document = json.loads((real("deeppcb") / f"annotations_{part}.coco.json").read_text())
        document["images"] = document["images"][:count]
        kept = {image["id"] for image in document["images"]}
        document["annotations"] = [one for one in document["annotations"] if one["image_id"] in kept]
        (room / f"annotations_{part}.coco.json").write_text(json.dumps(document))
        for image in document["images"]:
            target = room / image["file_name"]
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(_board(image["file_name"]), target)
    return room


def _board(name: str) -> Path:
    folder = real("deeppcb")
    return next(path for path in (folder / name, folder / "PCBData" / name) if path.exists())


def yard(room: Path) -> Path:
    """COCO pictures in YOLO's form."""
    source = real("coco-yolo-mini")
    for name in ("images", "labels"):
        shutil.copytree(source / name, room / name)
    shutil.copy(source / "config.yaml", room / "data.yaml")
    return room


def steel(room: Path) -> Path:
    """The faults of steel plates."""
    shutil.copy(real("steel-plates-faults") / "SteelPlatesFaults.csv", room / "steel.csv")
    return room / "steel.csv"


def steel_in_columns(room: Path) -> Path:
    """The same as Parquet, packed as a zip."""
    table = arrow_csv.read_csv(real("steel-plates-faults") / "SteelPlatesFaults.csv")
    parquet.write_table(table, room / "steel.parquet")
    with zipfile.ZipFile(room / "steel.zip", "w") as archive:
        archive.write(room / "steel.parquet", "steel.parquet")
    return room / "steel.zip"


def turbofan(room: Path) -> Path:
    """Engines that run to their end."""
    for name in ("train_FD001.txt", "test_FD001.txt", "RUL_FD001.txt"):
        shutil.copy(real("cmapss-fd001") / name, room)
    return room


def pump(room: Path) -> Path:
    """Six runs of a pump, a file each."""
    for path in sorted((real("skab") / "data" / "valve1").glob("*.csv"))[:6]:
        shutil.copy(path, room)
    return room


def films(room: Path, counts: tuple[int, int, int] = (400, 80, 80)) -> Path:
    """Sentences on films."""
    for name, part, count in zip(("train", "dev", "test"), ("train", "validation", "test"), counts, strict=True):
        _lines(real("sst2") / f"{name}.tsv", room / f"{part}.tsv", count)
    return room


def entailment(room: Path) -> Path:
    """300 pairs of sentences."""
    _lines(real("rte-resplit") / "train.tsv", room / "train.tsv", 301)
    _lines(real("rte-resplit") / "dev.tsv", room / "validation.tsv", 81)
    _lines(real("rte-resplit") / "test.tsv", room / "test.tsv", 81)
    return room


def plays(room: Path, characters: int = 40_000) -> Path:
    """The beginning of Shakespeare's plays."""
    text = next(real("tinyshakespeare").glob("*.txt")).read_text()
    (room / "plays.txt").write_text(text[:characters])
    return room / "plays.txt"


def scenes(room: Path, counts: tuple[int, int] = (400, 60)) -> Path:
    """Sentences to be written about a few words."""
    source = real("commongen")
    for part, name, count in zip(("train", "test"), ("train", "dev"), counts, strict=True):
        _lines(source / f"commongen.{name}.src_alpha.txt", room / f"{part}.src.txt", count)
        _lines(source / f"commongen.{name}.tgt.txt", room / f"{part}.tgt.txt", count)
    return room


def scenes_in_objects(room: Path) -> Path:
    """The same as JSON lines, several sentences a line."""
    _lines(real("commongen") / "commongen.dev.jsonl", room / "scenes.jsonl", 200)
    return room / "scenes.jsonl"


SMALL = {"height": 32, "width": 32}
RESNETS: dict[str, Any] = {
    "teacher": {"architecture": "resnet8"},
    "student": {"architecture": "resnet8", "width": 0.25},
}
DETECTORS: dict[str, Any] = {
    "teacher": {"architecture": "detection/retinanet-tiny"},
    "student": {"architecture": "detection/retinanet-tiny", "width": 0.5},
    "task": "detection",
    "method": "mokd-detection",
}
WIDE: dict[str, Any] = {"options": {"hidden": 96, "heads": 4}}
NARROW: dict[str, Any] = {"options": {"hidden": 48, "heads": 4}}
ENCODERS: dict[str, Any] = {
    "teacher": {"architecture": "bert-2", **WIDE},
    "student": {"architecture": "bert-1", **NARROW},
    "task": "classification",
}
STEEL = ["Pastry_Fault", "Z_Scratch_Fault", "K_Scatch_Fault", "Stains_Fault", "Dirtiness_Fault", "Bumps_Fault"]
WORDS = {"train": {"kind": "wordpiece", "vocabulary": 600}}
CHARACTERS = {"train": {"kind": "bpe", "vocabulary": 400}}
PARALLEL = {part: {"source": f"{part}.src.txt", "target": f"{part}.tgt.txt"} for part in ("train", "test")}

CASES: dict[str, Case] = {
    "image-folder": Case(
        {"format": "image-folder", "size": SMALL}, signs, task="classification", **RESNETS
    ),
    "idx": Case({"format": "idx", "flip": True}, fashion, task="classification", method="fitnet",
                training={"epochs": 2}, **RESNETS),
    "npz": Case(
        {"format": "npz", "inputs": "imgs.npz:arr_0", "targets": "labels.npz:arr_0", "cut": {"test": 0.2}},
        kuzushiji, task="classification", method="dkd", **RESNETS,
    ),
    "image-csv, several labels": Case(
        {"format": "image-csv", "image": "file", "labels": ["RBC", "WBC", "Platelets"], "split": "part", "size": SMALL},
        cell_kinds, task="multilabel", **RESNETS,
    ),
    "image-csv, values": Case(
        {"format": "image-csv", "image": "file", "values": ["red"], "split": "part", "size": SMALL},
        cell_counts, task="regression", method="at", **RESNETS,
    ),
    "image-masks": Case(
        {"format": "image-masks", "images": "images", "masks": "masks", "size": {"height": 64, "width": 64},
         "classes": ["plasma", "red cell", "other cell"]},
        cell_masks, {"architecture": "unet-2"}, {"architecture": "unet-2", "width": 0.5}, "segmentation",
    ),
    "voc": Case(
        {"format": "voc", "size": {"height": 128, "width": 128}, "first_pixel": 0, "quarantine": True, "flip": True},
        cells, training={"augment": {"flip": True}}, **DETECTORS,
    ),
    "coco": Case({"format": "coco", "size": {"height": 128, "width": 128}}, boards, **DETECTORS),
    "yolo": Case(
        {"format": "yolo", "size": {"height": 128, "width": 128}, "quarantine": True},
        yard, training={"batch_size": 8}, **DETECTORS,
    ),
    "table": Case(
        {"format": "table", "task": "classification", "target": [*STEEL, "Other_Faults"]},
        steel, {"architecture": "mlp-3"}, {"architecture": "mlp-2", "width": 0.125}, "classification",
    ),
    "table, parquet in a zip": Case(
        {"format": "table", "task": "regression", "target": ["Steel_Plate_Thickness"],
         "drop": [*STEEL, "Other_Faults"]},
        steel_in_columns, {"architecture": "mlp-3"}, {"architecture": "mlp-2", "width": 0.125}, "regression",
    ),
    "series, what remains": Case(
        {
            "format": "series", "task": "regression", "run": 0, "time": 1,
            "splits": {"train": ["train_FD001.txt"], "test": ["test_FD001.txt"]},
            "reading": {"delimiter": "spaces", "header": False},
            "target": {"remaining": {"cap": 125, "ends": {"test": "RUL_FD001.txt"}}},
            "window": {"length": 30, "stride": 10, "test": "last"}, "cut": {"validation": 0.15},
        },
        turbofan, {"architecture": "resnet1d-8"}, {"architecture": "resnet1d-8", "width": 0.25}, "regression",
    ),
    "series, states": Case(
        {
            "format": "series", "task": "classification", "time": "datetime", "drop": ["changepoint"],
            "target": {"columns": ["anomaly"], "take": "majority"}, "resample": 1,
            "window": {"length": 32, "stride": 8}, "cut": {"validation": 0.2, "test": 0.2},
        },
        pump, {"architecture": "tcn-4"}, {"architecture": "tcn-2", "width": 0.5}, "classification",
    ),
    "text": Case(
        {"format": "text", "task": "classification", "text": 0, "target": 1, "tokenizer": WORDS, "max_length": 32,
         "reading": {"header": False}},
        films, **ENCODERS,
    ),
    "text, pairs": Case(
        {"format": "text", "task": "classification", "text": "sentence1", "pair": "sentence2", "target": "label",
         "tokenizer": WORDS, "max_length": 64},
        entailment, **ENCODERS,
    ),
    "language": Case(
        {"format": "language", "tokenizer": CHARACTERS, "block": 32, "cut": {"validation": 0.1, "test": 0.1}},
        plays, {"architecture": "gpt-2", **WIDE}, {"architecture": "gpt-1", **NARROW}, "generation", method="word-kd",
    ),
    "generation": Case(
        {"format": "generation", "parallel": PARALLEL, "tokenizer": CHARACTERS, "source_length": 16,
         "target_length": 32, "cut": {"validation": 0.1}},
        scenes, {"architecture": "bart-2", **WIDE}, {"architecture": "bart-1", **NARROW}, "generation", method="seq-kd",
    ),
    "generation, JSON lines": Case(
        {"format": "generation", "text": "concept_set", "target": "scene", "layout": "causal",
         "tokenizer": CHARACTERS, "source_length": 24, "target_length": 32, "cut": {"validation": 0.1, "test": 0.2}},
        scenes_in_objects, {"architecture": "gpt-2", **WIDE}, {"architecture": "gpt-1", **NARROW}, "generation",
        method="gkd",
    ),
}  # fmt: skip
