"""Arrays in idx and NPZ files: real ones as their makers say, hostile ones refused, pickles never opened."""

import gzip
import io
import json
import pickle
import struct
import zipfile

import numpy as np
import pytest
from bringing import bring, real

from kdcore.bring.caps import Caps
from kdcore.errors import EngineError

RANDOM = np.random.default_rng(0)
PICTURES = RANDOM.integers(0, 256, (20, 6, 5), dtype=np.uint8)
LABELS = np.arange(20) % 3


def idx(array):
    data = np.ascontiguousarray(array, dtype=np.uint8)
    return struct.pack(f">4B{data.ndim}I", 0, 0, 8, data.ndim, *data.shape) + data.tobytes()


@pytest.fixture
def mnist(tmp_path):
    """Writes idx files, some of them changed, and brings them."""

    def make(caps=None, options=None, **changes):
        files = {
            "train-images-idx3-ubyte.gz": gzip.compress(idx(PICTURES)),
            "train-labels-idx1-ubyte.gz": gzip.compress(idx(LABELS)),
            "t10k-images-idx3-ubyte": idx(PICTURES[:6] + 1),
            "t10k-labels-idx1-ubyte": idx(LABELS[:6]),
        }
        names = dict(zip(("images", "labels", "test_images", "test_labels"), files, strict=True))
        (tmp_path / "in").mkdir(exist_ok=True)
        for name, data in (files | {names[key]: value for key, value in changes.items()}).items():
            if data is not None:
                (tmp_path / "in" / name).write_bytes(data)
        return bring(tmp_path / "in", tmp_path / "out", caps, format="idx", **(options or {}))

    return make


@pytest.fixture
def npz(tmp_path):
    """Writes an NPZ file and brings it."""

    def make(arrays, **options):
        (tmp_path / "in").mkdir(exist_ok=True)
        np.savez_compressed(tmp_path / "in" / "data.npz", **arrays)
        return bring(tmp_path / "in", tmp_path / "out", format="npz", **options)

    make.folder = tmp_path / "in"
    return make


def refusal(make, *arguments, **options):
    with pytest.raises(EngineError) as caught:
        make(*arguments, **options)
    assert caught.value.code == "invalid_data"
    return caught.value


def test_idx_files_are_read_packed_or_not(mnist):
    made = mnist()
    assert np.array_equal(made.split("train").inputs[:, 0], PICTURES)
    assert made.split("train").targets.tolist() == LABELS.tolist()
    assert made.card.splits["test"].count == 6
    assert made.card.target.classes == ("0", "1", "2")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"images": gzip.compress(idx(PICTURES))[:-200]}, "damaged"),
        ({"test_images": idx(PICTURES[:6])[:-10]}, "of the 180 bytes"),
        ({"test_images": idx(PICTURES[:6]) + b"more"}, "more than the 180 bytes"),
        ({"test_labels": idx(LABELS[:5])}, "5 labels for 6 pictures"),
        ({"test_images": b"no idx file"}, "no idx file"),
        ({"test_images": b"\0\0"}, "no idx file"),
        ({"test_images": idx(PICTURES[:6, 0])}, "2 axes"),
        ({"test_images": struct.pack(">4B3I", 0, 0, 13, 3, 6, 6, 5)}, "type 13"),
        ({"test_images": idx(PICTURES[:6, :5])}, "several sizes"),
        ({"test_images": struct.pack(">4B3I", 0, 0, 8, 3, 2**31, 6, 5)}, "header promises"),
    ],
)
def test_damaged_and_lying_idx_files_are_refused_by_name(mnist, changes, said):
    assert said in refusal(mnist, **changes).message


def test_a_label_without_a_name_is_refused(mnist):
    error = refusal(mnist, options={"classes": ["a", "b"]})
    assert error.param == "/classes"


@pytest.mark.slow
@pytest.mark.parametrize("name", ["mnist", "fashion-mnist"])
def test_mnist_and_fashion_are_read_as_published(tmp_path, name):
    made = bring(real(name), tmp_path / "out", format="idx")
    assert made.card.input.shape == (1, 28, 28)
    assert {split: found.count for split, found in made.card.splits.items()} == {"train": 60000, "test": 10000}
    if name == "mnist":
        assert made.card.splits["test"].class_counts == (980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009)
        assert made.card.mean == pytest.approx((0.1307,), abs=1e-4)
        assert made.card.std == pytest.approx((0.3081,), abs=1e-4)


def test_kmnist_is_read_from_two_files_and_cut_evenly(tmp_path):
    options = {"inputs": "kmnist-test-imgs.npz:arr_0", "targets": "kmnist-test-labels.npz:arr_0"}
    made = bring(real("kmnist-10k"), tmp_path / "out", format="npz", cut={"test": 0.2}, **options)
    assert made.card.input.kind == "image"
    assert made.card.splits["train"].class_counts == (800,) * 10
    assert made.card.splits["test"].class_counts == (200,) * 10


@pytest.mark.parametrize(
    ("inputs", "options", "kind", "shape"),
    [
        (PICTURES, {}, "image", (1, 6, 5)),
        (RANDOM.integers(0, 256, (20, 6, 5, 3), dtype=np.uint8), {}, "image", (3, 6, 5)),
        (RANDOM.integers(0, 256, (20, 3, 6, 5), dtype=np.uint8), {}, "image", (3, 6, 5)),
        (RANDOM.integers(0, 256, (20, 4, 6, 5), dtype=np.uint8), {"channels": "first"}, "image", (4, 6, 5)),
        (PICTURES.astype(np.int64), {"kind": "image"}, "image", (1, 6, 5)),
        (RANDOM.normal(size=(20, 4, 30)), {}, "series", (4, 30)),
        (RANDOM.normal(size=(20, 30)), {"kind": "series"}, "series", (1, 30)),
        (RANDOM.normal(size=(20, 7)), {"names": list("abcdefg")}, "table", (7,)),
    ],
)
def test_the_kind_follows_from_type_and_axes_or_is_said(npz, inputs, options, kind, shape):
    made = npz({"inputs": inputs, "targets": LABELS}, **options)
    assert (made.card.input.kind, made.card.input.shape) == (kind, shape)
    found = made.split("train").inputs
    assert found.dtype == (np.uint8 if kind == "image" else np.float32)
    assert np.allclose(np.sort(found.reshape(-1)), np.sort(inputs.reshape(-1)))


def test_channels_that_stand_last_are_moved_to_the_front(npz):
    pictures = RANDOM.integers(0, 256, (20, 6, 5, 3), dtype=np.uint8)
    found = npz({"inputs": pictures, "targets": LABELS}).split("train").inputs
    assert np.array_equal(found, np.moveaxis(pictures, -1, 1))


def test_arrays_in_columns_are_read_as_in_rows(npz):
    inputs = np.asfortranarray(RANDOM.normal(size=(20, 4, 30)))
    found = npz({"inputs": inputs, "targets": LABELS}).split("train").inputs
    assert np.array_equal(found, inputs.astype(np.float32))


@pytest.mark.parametrize(
    ("targets", "options", "task", "classes"),
    [
        (LABELS, {}, "classification", ("0", "1", "2")),
        (LABELS.astype(float), {"task": "classification"}, "classification", ("0", "1", "2")),
        (np.eye(3)[LABELS], {"task": "classification", "classes": ["a", "b", "c"]}, "classification", ("a", "b", "c")),
        (np.stack([LABELS > 0, LABELS > 1], axis=1), {}, "multilabel", ("0", "1")),
        (LABELS + 0.5, {}, "regression", ("0",)),
        (RANDOM.normal(size=(20, 2)), {"classes": ["x", "y"]}, "regression", ("x", "y")),
    ],
)
def test_the_task_follows_from_the_targets_or_is_said(npz, targets, options, task, classes):
    made = npz({"inputs": PICTURES, "targets": targets}, **options)
    assert (made.card.task, made.card.target.classes) == (task, classes)


def test_given_splits_and_groups_are_kept(npz):
    arrays = {"x": PICTURES, "y": LABELS, "xt": PICTURES[:6] + 1, "yt": LABELS[:6], "g": np.arange(20) // 4}
    options = {"inputs": "x", "targets": "y", "test_inputs": "xt", "test_targets": "yt", "groups": "g"}
    made = npz(arrays, cut={"validation": 0.4}, **options)
    assert {name: split.count for name, split in made.card.splits.items()} == {"train": 12, "validation": 8, "test": 6}
    groups = [set(made.split(name).groups.tolist()) for name in made.card.splits]
    assert not groups[0] & groups[1]
    assert not groups[0] & groups[2]


@pytest.mark.parametrize(
    ("arrays", "options", "said"),
    [
        ({"inputs": PICTURES}, {}, "no array 'targets'"),
        ({"inputs": PICTURES, "targets": LABELS[:5]}, {}, "20 rows"),
        ({"inputs": PICTURES.astype(float), "targets": LABELS}, {"kind": "image"}, "scale them"),
        ({"inputs": PICTURES.astype(int) * 2, "targets": LABELS}, {"kind": "image"}, "scale them"),
        ({"inputs": RANDOM.normal(size=(20, 4, 30, 2)), "targets": LABELS}, {}, "say kind"),
        ({"inputs": PICTURES[:, None, :3, :3], "targets": LABELS}, {}, "say channels"),
        ({"inputs": PICTURES, "targets": np.eye(3)[LABELS]}, {}, "say task"),
        ({"inputs": PICTURES, "targets": LABELS + 0.5}, {"task": "classification"}, "fractions"),
        ({"inputs": PICTURES, "targets": LABELS}, {"task": "multilabel"}, "other numbers than 0 and 1"),
        ({"inputs": PICTURES, "targets": np.full(20, 10**9)}, {}, "number them from 0"),
        ({"inputs": PICTURES, "targets": LABELS - 1}, {}, "no answer"),
        ({"inputs": PICTURES, "targets": np.full(20, 1)}, {}, "no training examples"),
        ({"inputs": PICTURES, "targets": np.full(20, 0)}, {}, "one class only"),
        ({"inputs": PICTURES, "targets": np.full(20, 0.5)}, {}, "nothing to learn"),
        ({"inputs": np.asarray(5.0), "targets": LABELS}, {}, "single number"),
        ({"inputs": PICTURES, "targets": np.asarray(["a"] * 20)}, {}, "<U1"),
    ],
)
def test_arrays_that_nobody_can_learn_from_are_refused_with_a_remedy(npz, arrays, options, said):
    assert said in refusal(npz, arrays, **options).message


def test_rows_with_nan_are_named_and_quarantined_when_asked_for(npz):
    inputs = RANDOM.normal(size=(20, 4, 30))
    inputs[3, 1, 5], inputs[7, 0, 0] = np.nan, np.inf
    arrays = {"inputs": inputs, "targets": LABELS}
    assert refusal(npz, arrays).message.startswith("3: its inputs hold NaN")
    made = npz(arrays, quarantine=True)
    assert made.card.splits["train"].count == 18
    assert made.report["faults"]["by_code"] == {"not_finite": 2}


class _Evil:
    def __reduce__(self):
        return print, ("a pickle was opened",)


def test_a_pickle_in_disguise_is_refused_unopened(npz, capsys):
    arrays = {"inputs": np.asarray([_Evil()] * 20, dtype=object), "targets": LABELS}
    assert "never opened" in refusal(npz, arrays).message
    (npz.folder / "data.npz").unlink()
    (npz.folder / "x.npy").write_bytes(pickle.dumps(_Evil()))
    error = refusal(bring, npz.folder, npz.folder / "out", format="npz", inputs="x.npy", targets="x.npy")
    assert "no readable array" in error.message
    assert "a pickle was opened" not in capsys.readouterr().out


def lying(shape, body=b"1234"):
    """An NPY file whose header promises another shape."""
    buffer = io.BytesIO()
    np.lib.format.write_array_header_1_0(buffer, {"descr": "|u1", "fortran_order": False, "shape": shape})
    return buffer.getvalue() + body


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (lying((10**12,)), "header promises"),
        (lying((10**6, 10**6)), "header promises"),
        (lying((5, 5)), "4 of the 25 bytes"),
        (lying((2,)), "more than the 2 bytes"),
        (lying((2, 0)), ""),
        (b"\x93NUMPY\x01\x00\xff\xff{", "no readable array"),
        (b"", "no readable array"),
    ],
)
def test_a_header_that_lies_is_refused_before_memory_or_disk_are_taken(tmp_path, data, said):
    (tmp_path / "in").mkdir()
    with zipfile.ZipFile(tmp_path / "in" / "x.npz", "w") as archive:
        archive.writestr("inputs.npy", data)
        archive.writestr("targets.npy", data)
    assert said in refusal(bring, tmp_path / "in", tmp_path / "out", Caps(pack_bytes=10**9), format="npz").message


def test_a_damaged_npz_is_refused(npz):
    npz({"inputs": PICTURES, "targets": LABELS})
    path = npz.folder / "data.npz"
    path.write_bytes(path.read_bytes()[:300])
    assert "no readable array" in refusal(bring, npz.folder, npz.folder / "out2", format="npz").message


def test_names_of_the_preview_are_the_places_of_the_rows(npz):
    made = npz({"inputs": PICTURES, "targets": LABELS})
    records = json.loads((made.folder / "preview" / "samples.json").read_text())
    assert records[0]["name"] == "0"
    assert (made.folder / "preview" / records[0]["picture"]).exists()
