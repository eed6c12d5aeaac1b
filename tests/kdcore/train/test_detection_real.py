"""Real pictures with boxes, from their files to a verdict: blood cells in Pascal VOC, circuit boards in COCO."""

import json

import pytest
from bringing import bring, real
from shapes import shapes_plan

import kdcore

SETS = {
    "bccd-voc": ({"format": "voc", "quarantine": True, "flip": True}, {"Platelets", "RBC", "WBC"}),
    "deeppcb": ({"format": "coco", "flip": True}, {"copper", "mousebite", "open", "pin-hole", "short", "spur"}),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", SETS)
def test_a_detector_is_distilled_from_real_files(tmp_path, name):
    options, classes = SETS[name]
    brought = bring(real(name), tmp_path / "pack", size={"height": 96, "width": 96}, **options)
    assert set(brought.card.target.classes) == classes
    tiny = {"architecture": "detection/retinanet-tiny", "options": {"anchor_scale": 1.0}}
    spec = {
        "name": name,
        "dataset": {"limit": 48},
        "teacher": {**tiny, "width": 0.5, "train": {"epochs": 2}},
        "student": {**tiny, "width": 0.25},
        "method": "mokd-detection",
        "training": {
            "epochs": 2,
            "batch_size": 8,
            "optimizer": {"name": "adamw", "lr": 0.002},
            "augment": {"flip": True},
            "compile": "off",
            "precision": "float32",
        },
        "deliver": ["safetensors"],
        "resources": {"device": "cpu", "threads": 1},
    }
    kdcore.run(shapes_plan(brought.folder, spec), tmp_path, lambda record: None)
    result = json.loads((tmp_path / "artifacts" / "result.json").read_text())
    assert result["verdict"]["outcome"] in ("better", "worse", "no difference")
    figures = {part: result["models"][part] for part in ("teacher", "alone", "student")}
    assert all(0 <= one["score"] <= one["metrics"]["map_50"] <= 1 for one in figures.values())
    assert {one["name"] for one in figures["student"]["per_class"]} == classes
    assert all(one["verified"] for one in result["exports"])
