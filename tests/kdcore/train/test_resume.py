"""Every preset that is stopped amid its distillation goes on to the same bits, in half precision, by micro-batches."""

import pytest
import torch
from safetensors.torch import load_file

import kdcore
from kdcore.spec import methods

NETWORKS = {
    "convolutional": {"teacher": {"train": {"epochs": 1}}},
    "transformer": {
        "teacher": {"architecture": "vit-4", "width": 0.25, "train": {"epochs": 1}},
        "student": {"architecture": "vit-2", "width": 0.125},
    },
}
TAUGHT = [
    (info.name, info.kinds[number % len(info.kinds)])
    for number, info in enumerate(methods())
    if set(info.kinds) <= set(NETWORKS)
]
"""Every preset for pictures once, with convolutional networks and transformers in turn where it has both."""
TRAINING = {"epochs": 3, "precision": "bfloat16", "accumulate": 2, "augment": {"shift": 1, "views": 2}}


def train(plan, workdir, *, stop_at=None):
    """Run a job until its student is trained, or until its distillation has asked so often whether to stop."""
    last, begun, asked = workdir / "runs" / "distil" / "weights.safetensors", [], []

    def report(record):
        if record["type"] == "phase" and record["run"] == "distil":
            begun.append(record)

    def stop():
        if begun:
            asked.append(1)
        return "pause" if len(asked) == stop_at else "trained" if last.exists() else None

    with pytest.raises(kdcore.Stopped, match="trained" if stop_at is None else "pause"):
        kdcore.run(plan, workdir, report, stop=stop)


def learnt(workdir):
    files = sorted((workdir / "runs" / "distil").glob("*.safetensors"))
    return {f"{file.name}/{name}": value for file in files for name, value in load_file(file).items()}


@pytest.mark.slow
@pytest.mark.parametrize(("method", "kind"), TAUGHT)
def test_every_preset_goes_on_to_the_same_bits(tiny_plan, tmp_path, method, kind):
    plan = tiny_plan(method=method, baseline=False, training=TRAINING, **NETWORKS[kind])
    train(plan, tmp_path / "whole")
    train(
        plan, tmp_path / "cut", stop_at=9
    )  # amid its twelve steps: kept outputs ask up to eight times before the first one
    assert not (tmp_path / "cut" / "runs" / "distil" / "weights.safetensors").exists()
    train(plan, tmp_path / "cut")
    whole, resumed = learnt(tmp_path / "whole"), learnt(tmp_path / "cut")
    assert whole.keys() == resumed.keys()
    assert [name for name, value in whole.items() if not torch.equal(value, resumed[name])] == []
