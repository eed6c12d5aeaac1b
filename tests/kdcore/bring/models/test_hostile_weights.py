"""Weights files that mean harm: refused by name, nothing executed, memory bounded."""

import json
import os
import pickle
import resource
import struct
import zipfile

import pytest
import torch
from safetensors.torch import save_file

import kdcore.models as models
from kdcore.bring.caps import Caps
from kdcore.errors import EngineError

TINY = {"architecture": "resnet8", "width": 0.25, "outputs": 10}


class Harm:
    """Unpickled by pickle itself, this makes a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (self.path,)


def state():
    return models.build("resnet8", 10, width=0.25).state_dict()


def lying(path, header, data=b""):
    raw = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(raw)) + raw + data)


@pytest.mark.parametrize("suffix", [".pt", ".pth", ".safetensors"])
@pytest.mark.parametrize("protocol", [2, 4])
def test_a_pickle_in_disguise_is_refused_and_not_run(bring, tmp_path, suffix, protocol):
    path, trace = tmp_path / f"w{suffix}", tmp_path / "harmed"
    path.write_bytes(pickle.dumps({"state_dict": Harm(str(trace))}, protocol=protocol))
    with pytest.raises(EngineError, match=f"w{suffix}") as caught:
        bring(path, **TINY)
    assert caught.value.code == "invalid_data"
    assert not trace.exists()


def test_a_torch_file_with_a_hidden_call_is_refused_and_not_run(bring, tmp_path):
    trace = tmp_path / "harmed"
    torch.save({"state_dict": dict(state()), "extra": Harm(str(trace))}, tmp_path / "w.pt")
    with pytest.raises(EngineError, match="holds more than tensors"):
        bring(tmp_path / "w.pt", **TINY)
    assert not trace.exists()


@pytest.mark.parametrize("suffix", [".pkl", ".joblib", ".pt2", ".npy", ".h5"])
def test_other_kinds_of_files_are_not_opened(bring, tmp_path, suffix):
    (tmp_path / f"w{suffix}").write_bytes(b"x")
    with pytest.raises(EngineError, match="only these are opened"):
        bring(tmp_path / f"w{suffix}", **TINY)


@pytest.mark.parametrize(
    "header",
    [
        {"a": {"dtype": "F32", "shape": [10**12], "data_offsets": [0, 4 * 10**12]}},
        {"a": {"dtype": "F32", "shape": [4], "data_offsets": [0, 8]}},
        {"a": {"dtype": "F32", "shape": [2**40, 2**40], "data_offsets": [0, 16]}},
        {"a": {"dtype": "F32", "shape": [-4], "data_offsets": [0, 16]}},
        {"a": {"dtype": "F99", "shape": [4], "data_offsets": [0, 16]}},
        {name: {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]} for name in "ab"},
        {"a": {"dtype": "F32", "shape": [4], "data_offsets": [16, 0]}},
        ["a"],
    ],
)  # fmt: skip
def test_a_header_that_lies_is_refused(bring, tmp_path, header):
    lying(tmp_path / "w.safetensors", header, b"\0" * 16)
    with pytest.raises(EngineError, match=r"w\.safetensors"):
        bring(tmp_path / "w.safetensors", **TINY)


@pytest.mark.parametrize("claimed", [0, 1, 2**31, 2**63 - 1, 2**64 - 1])
def test_a_header_of_impossible_length_is_refused(bring, tmp_path, claimed):
    (tmp_path / "w.safetensors").write_bytes(struct.pack("<Q", claimed) + b"{}")
    with pytest.raises(EngineError, match="no whole safetensors file"):
        bring(tmp_path / "w.safetensors", **TINY)


@pytest.mark.parametrize("kept", [0, 4, 100, 3000])
@pytest.mark.parametrize("suffix", [".pt", ".safetensors"])
def test_a_truncated_file_is_refused(bring, tmp_path, suffix, kept):
    path = tmp_path / f"w{suffix}"
    torch.save(dict(state()), path) if suffix == ".pt" else save_file(dict(state()), path)
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(EngineError, match=r"fetch it again|holds more than tensors"):
        bring(path, **TINY)


def test_a_bomb_of_zeros_is_refused_before_it_is_unpacked(bring, tmp_path):
    torch.save(dict(state()), tmp_path / "w.pt")
    with zipfile.ZipFile(tmp_path / "w.pt") as good, zipfile.ZipFile(tmp_path / "bomb.pt", "w") as bomb:
        for member in good.infolist():
            packed = zipfile.ZIP_DEFLATED if "/data/" in member.filename else zipfile.ZIP_STORED
            bomb.writestr(member.filename, good.read(member), compress_type=packed)
        bomb.writestr("archive/data/999", b"\0" * 10**7, compress_type=zipfile.ZIP_DEFLATED)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(EngineError, match="is packed, as PyTorch never does"):
        bring(tmp_path / "bomb.pt", **TINY)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000


def test_a_tensor_that_shows_more_than_it_holds_is_refused(bring, tmp_path):
    torch.save({**state(), "huge": torch.zeros(1).expand(10**12)}, tmp_path / "w.pt")
    with pytest.raises(EngineError, match=r"'huge': claims \(1000000000000,\) numbers and holds fewer"):
        bring(tmp_path / "w.pt", **TINY)


def test_a_pickle_that_asks_for_a_terabyte_gets_none(bring, tmp_path):
    """``bytearray(2**42)`` is a call that weights-only loading allows."""
    program = b"\x80\x02c__builtin__\nbytearray\n\x8a\x06" + (2**42).to_bytes(6, "little") + b"\x85R."
    (tmp_path / "w.pt").write_bytes(program)
    with pytest.raises(EngineError, match=r"w\.pt"):
        bring(tmp_path / "w.pt", **TINY)
    assert resource.getrlimit(resource.RLIMIT_AS)[0] == resource.RLIM_INFINITY


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_weights_that_are_no_numbers_are_refused_by_the_tensor_s_name(bring, tmp_path, bad):
    broken = dict(state())
    broken["head.weight"] = broken["head.weight"].clone()
    broken["head.weight"][0, 0] = bad
    save_file(broken, tmp_path / "w.safetensors")
    with pytest.raises(EngineError, match=r"tensor 'head.weight': holds NaN or infinite"):
        bring(tmp_path / "w.safetensors", **TINY)


def test_sparse_and_absent_tensors_are_refused(bring, tmp_path):
    torch.save({**state(), "odd": torch.eye(3).to_sparse()}, tmp_path / "w.pt")
    with pytest.raises(EngineError, match="'odd': is no plain tensor"):
        bring(tmp_path / "w.pt", **TINY)
    torch.save({**state(), "odd": torch.empty(10**9, device="meta")}, tmp_path / "w.pt")
    with pytest.raises(EngineError, match="'odd': is no plain tensor"):
        bring(tmp_path / "w.pt", **TINY)


def test_caps_on_bytes_and_tensors_hold(bring, tmp_path):
    save_file(dict(state()), tmp_path / "w.safetensors")
    with pytest.raises(EngineError, match="are allowed"):
        bring(tmp_path / "w.safetensors", caps=Caps(model_bytes=1000), **TINY)
    with pytest.raises(EngineError, match="tensors, and 5 are allowed"):
        bring(tmp_path / "w.safetensors", caps=Caps(tensors=5), **TINY)


def test_a_file_outside_what_was_brought_is_not_read(bring, tmp_path):
    save_file(dict(state()), tmp_path / "w.safetensors")
    (tmp_path / "inside").mkdir()
    (tmp_path / "inside" / "link.safetensors").symlink_to(tmp_path / "w.safetensors")
    for name in ("../w.safetensors", str(tmp_path / "w.safetensors"), "link.safetensors"):
        with pytest.raises(EngineError, match="is no file of what was brought"):
            bring(tmp_path / "inside", **TINY, file=name)
    with pytest.raises(EngineError, match="none of"):
        bring(tmp_path / "inside", **TINY)


def test_a_torchscript_program_is_refused(bring, tmp_path):
    torch.jit.script(torch.nn.Linear(2, 2)).save(str(tmp_path / "w.pt"))
    with pytest.raises(EngineError, match="TorchScript program"):
        bring(tmp_path / "w.pt", **TINY)
