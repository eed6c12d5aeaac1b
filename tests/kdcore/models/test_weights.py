"""Weights files: what was saved comes back, and what does not fit or is not safe is refused by name."""

import os
import pickle

import pytest
import torch
from torch import nn

from kdcore.models import WeightsError, build, load, save


def changed(model):
    with torch.no_grad():
        for tensor in model.state_dict().values():
            tensor.add_(1)
    return model


@pytest.mark.parametrize("suffix", [".safetensors", ".pt", ".pth", ".th"])
def test_saved_weights_come_back_bit_for_bit(tmp_path, suffix):
    source, target = changed(build("resnet8", 10, width=0.5)), build("resnet8", 10, width=0.5)
    path = tmp_path / f"w{suffix}"
    save(source, path) if suffix == ".safetensors" else torch.save(source.state_dict(), path)
    load(target, path)
    assert all(
        torch.equal(a, b) for a, b in zip(source.state_dict().values(), target.state_dict().values(), strict=True)
    )


def test_a_checkpoint_of_a_parallel_run_is_understood(tmp_path):
    source, target = changed(nn.Linear(2, 2)), nn.Linear(2, 2)
    state = {f"module.{name}": value for name, value in source.state_dict().items()}
    torch.save({"state_dict": state, "best_prec1": 91.7}, tmp_path / "w.th")
    load(target, tmp_path / "w.th")
    assert torch.equal(target.weight, source.weight)


def test_weights_that_share_memory_are_saved(tmp_path):
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    model[1].weight = model[0].weight
    save(model, tmp_path / "w.safetensors")
    load(changed(nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))), tmp_path / "w.safetensors")


def test_another_shape_is_refused_and_nothing_is_loaded(tmp_path):
    save(changed(build("resnet8", 10)), tmp_path / "w.safetensors")
    target = build("resnet8", 7)
    before = {name: value.clone() for name, value in target.state_dict().items()}
    with pytest.raises(WeightsError, match=r"'head.weight' has shape \[10, 64\], wanted \[7, 64\]"):
        load(target, tmp_path / "w.safetensors")
    assert all(torch.equal(value, before[name]) for name, value in target.state_dict().items())


def test_a_missing_name_is_refused_with_the_nearest_one_of_the_file(tmp_path):
    state = build("resnet8", 10).state_dict()
    state["head.wieght"] = state.pop("head.weight")
    torch.save(state, tmp_path / "w.pt")
    with pytest.raises(WeightsError, match=r"'head.weight' is missing \(nearest: 'head.wieght'\)"):
        load(build("resnet8", 10), tmp_path / "w.pt")


def test_weights_of_another_network_are_refused_in_a_message_of_readable_length(tmp_path):
    save(build("wrn-40-1", 10), tmp_path / "w.safetensors")
    with pytest.raises(WeightsError, match=r"and \d+ more") as caught:
        load(build("resnet8", 10), tmp_path / "w.safetensors")
    assert len(str(caught.value)) < 1200


class Evil:
    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return os.mkdir, (self.marker,)


@pytest.mark.parametrize("write", [lambda o, p: torch.save(o, p), lambda o, p: p.write_bytes(pickle.dumps(o))])
def test_a_pickle_that_runs_code_is_refused_and_does_not_run(tmp_path, write):
    marker = tmp_path / "ran"
    write({"head.weight": Evil(str(marker))}, tmp_path / "w.pt")
    with pytest.raises(WeightsError, match=r"safetensors|fetch it again"):
        load(nn.Linear(2, 2), tmp_path / "w.pt")
    assert not marker.exists()


@pytest.mark.parametrize("suffix", [".safetensors", ".pt"])
@pytest.mark.parametrize("kept", [0, 7, 200])
def test_a_truncated_file_is_refused(tmp_path, suffix, kept):
    path = tmp_path / f"w{suffix}"
    model = nn.Linear(50, 50)
    save(model, path) if suffix == ".safetensors" else torch.save(model.state_dict(), path)
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(WeightsError, match="fetch it again"):
        load(nn.Linear(50, 50), path)


def test_a_file_without_a_state_dict_is_refused(tmp_path):
    torch.save([1, 2], tmp_path / "w.pt")
    with pytest.raises(WeightsError, match="no state dict"):
        load(nn.Linear(2, 2), tmp_path / "w.pt")


def test_other_kinds_of_files_and_missing_ones_are_named(tmp_path):
    (tmp_path / "w.npz").write_bytes(b"x")
    with pytest.raises(WeightsError, match=r"\.safetensors"):
        load(nn.Linear(2, 2), tmp_path / "w.npz")
    with pytest.raises(FileNotFoundError, match="no weights file"):
        load(nn.Linear(2, 2), tmp_path / "w.pt")
