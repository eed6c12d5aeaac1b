"""Stored outputs: whatever form they come in, the same logits lie in the file, keyed by sample; doubt is refused."""

import zipfile

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from safetensors.torch import load_file, save_file

from kdcore.bring.caps import Caps
from kdcore.bring.models.outputs import _encoded, _logits
from kdcore.bring.models.tables import Part
from kdcore.errors import EngineError

LOGITS = np.array([[2.0, -1.0, 0.5], [0.0, 3.0, -2.0], [1.0, 1.5, 0.25], [-1.0, 0.0, 4.0]], dtype=np.float32)
NAMES = ["a.png", "b.png", "c.png", "d.png"]


def shares(logits):
    exps = np.exp(logits.astype(np.float64))
    return exps / exps.sum(1, keepdims=True)


def csv(path, header, rows):
    path.write_text("\n".join([",".join(header), *(",".join(map(str, row)) for row in rows)]) + "\n")
    return path


def stored(tmp_path):
    return load_file(tmp_path / "out" / "outputs.safetensors")


def by_name(tmp_path, logits=LOGITS):
    rows = [[name, *map(float, row)] for name, row in zip(NAMES, logits, strict=True)]
    return csv(tmp_path / "o.csv", ["name", "output_0", "output_1", "output_2"], rows)


def test_a_csv_keyed_by_names(bring, tmp_path):
    card = bring(by_name(tmp_path), format="outputs", classes=["x", "y", "z"])
    assert torch.equal(stored(tmp_path)["named/logits"], torch.from_numpy(LOGITS))
    assert (tmp_path / "out" / "names.txt").read_text().splitlines() == NAMES
    assert card.kind == "outputs"
    assert card.num_outputs == 3
    assert card.options == {"outputs": 3, "keyed_by": "name"}
    assert {file.path for file in card.files} == {"outputs.safetensors", "names.txt"}


def test_a_csv_keyed_by_split_and_index_in_any_order(bring, tmp_path):
    rows = [("train", 1, *LOGITS[1]), ("validation", 0, *LOGITS[2]), ("train", 0, *LOGITS[0]), ("test", 5, *LOGITS[3])]
    bring(csv(tmp_path / "o.csv", ["split", "index", "output_0", "output_1", "output_2"], rows), format="outputs")
    found = stored(tmp_path)
    assert found["train/index"].tolist() == [1, 0]
    assert torch.equal(found["train/logits"], torch.from_numpy(LOGITS[[1, 0]]))
    assert found["test/index"].tolist() == [5]


@pytest.mark.parametrize("kind", ["npz", "safetensors", "parquet"])
def test_other_forms_hold_the_same(bring, tmp_path, kind):
    path = tmp_path / f"o.{kind}"
    if kind == "npz":
        np.savez(path, outputs=LOGITS, names=np.array(NAMES))
    elif kind == "safetensors":
        save_file({"outputs": torch.from_numpy(LOGITS)}, path)
        (tmp_path / "names.txt").write_text("\n".join(NAMES))
    else:
        columns = {f"output_{i}": LOGITS[:, i] for i in range(3)}
        pq.write_table(pa.table({"name": NAMES, **columns}), path)
    bring(path, format="outputs")
    assert torch.equal(stored(tmp_path)["named/logits"], torch.from_numpy(LOGITS))
    assert (tmp_path / "out" / "names.txt").read_text().splitlines() == NAMES


def test_arrays_behind_a_split_are_in_its_order(bring, tmp_path):
    np.savez(tmp_path / "o.npz", **{"train/outputs": LOGITS[:3], "validation/outputs": LOGITS[3:]})
    bring(tmp_path / "o.npz", format="outputs")
    assert stored(tmp_path)["train/index"].tolist() == [0, 1, 2]


def test_probabilities_become_logits_by_their_logarithm(bring, tmp_path):
    card = bring(by_name(tmp_path, shares(LOGITS)), format="outputs")
    assert card.report["says"] == "probabilities"
    found = stored(tmp_path)["named/logits"].softmax(1)
    assert torch.allclose(found, torch.from_numpy(LOGITS).softmax(1), atol=1e-6)


def test_values_of_a_regression_stay_as_they_are(bring, tmp_path):
    rows = [[name, 3.5 * i] for i, name in enumerate(NAMES)]
    card = bring(csv(tmp_path / "o.csv", ["name", "output_0"], rows), format="outputs", task="regression")
    assert card.report["says"] == "values"
    assert stored(tmp_path)["named/logits"].flatten().tolist() == [0, 3.5, 7, 10.5]


@pytest.mark.parametrize("says", ["logits", "probabilities"])
def test_the_largest_and_the_rest_give_the_probabilities_back(bring, tmp_path, says):
    whole = shares(LOGITS)
    places = np.argsort(-LOGITS, 1)[:, :1]
    kept = np.take_along_axis(LOGITS if says == "logits" else whole, places, 1)
    rest = 1 - np.take_along_axis(whole, places, 1)[:, 0]
    np.savez(tmp_path / "o.npz", values=kept, places=places, rest=rest, names=np.array(NAMES))
    bring(tmp_path / "o.npz", format="outputs", outputs=3, says=says)
    found = stored(tmp_path)
    logits = found["named/rest"][:, None].expand(4, 3).scatter(1, found["named/places"].long(), found["named/values"])
    expected = torch.from_numpy(np.take_along_axis(whole, places, 1)).float()
    assert torch.allclose(logits.softmax(1).gather(1, torch.from_numpy(places)), expected, atol=1e-5)


@given(arrays(np.float64, (5, 4), elements=st.floats(-30, 30)), st.integers(1, 4))
def test_the_largest_keep_their_probabilities_whatever_the_logits(logits, k):
    whole = shares(logits)
    places = np.argsort(-logits, 1)[:, :k]
    rest = np.clip(1 - np.take_along_axis(whole, places, 1).sum(1), 0, 1)
    part = Part(np.take_along_axis(logits, places, 1), places, rest, tuple("abcde"))
    found = _encoded(part, 4, "logits", "classification")
    others = found["rest"][:, None].expand(5, 4) if "rest" in found else torch.zeros(5, 4)
    again = others.scatter(1, found["places"].long(), found["values"]).softmax(1).gather(1, torch.from_numpy(places))
    assert torch.allclose(again.double(), torch.from_numpy(np.take_along_axis(whole, places, 1)), atol=1e-4)


def test_shares_of_several_labels_become_their_log_odds():
    assert _logits(torch.tensor([[0.5, 0.9]]), "multilabel")[0].tolist() == pytest.approx([0, np.log(9)], abs=1e-6)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda rows: [*rows, rows[0]], "two rows for sample 'a.png'"),
        (lambda rows: [["a.png", "nan", 1, 2]], "has no value"),
        (lambda rows: [["a.png", "inf", 1, 2]], "finite"),
        (lambda rows: [["a.png", "x", 1, 2]], "not a number"),
        (
            lambda rows: [*[[f"{i}.png", 1, 2, 3] for i in range(20)], ["e.png", 1, 2]],
            "3 cells where there are 4 columns",
        ),
    ],
)
def test_rows_that_cannot_be_used_are_named(bring, tmp_path, change, says):
    rows = change([[name, 1.0, 2.0, 3.0] for name in NAMES])
    path = csv(tmp_path / "o.csv", ["name", "output_0", "output_1", "output_2"], rows)
    with pytest.raises(EngineError, match=says):
        bring(path, format="outputs")


@pytest.mark.parametrize(
    ("header", "says"),
    [
        (["sample", "output_0"], "neither a column 'name' nor 'split'"),
        (["name", "score"], "needs columns output_0"),
        (["name", "output_1"], "lacks output_0"),
    ],
)
def test_columns_that_are_not_there_are_named(bring, tmp_path, header, says):
    with pytest.raises(EngineError, match=says):
        bring(csv(tmp_path / "o.csv", header, [["a", 1.0]]), format="outputs")


def test_places_outside_and_twice_are_refused(bring, tmp_path):
    for places, says in (([[0, 3]], "names outputs outside 0 to 2"), ([[1, 1]], "names an output twice")):
        np.savez(tmp_path / "o.npz", values=[[1.0, 2.0]], places=places, names=["a"])
        with pytest.raises(EngineError, match=f"row 'a': {says}"):
            bring(tmp_path / "o.npz", format="outputs", outputs=3)


def test_probabilities_that_sum_to_something_else_are_refused(bring, tmp_path):
    with pytest.raises(EngineError, match="outside 0 to 1"):
        bring(by_name(tmp_path), format="outputs", says="probabilities")
    with pytest.raises(EngineError, match="do not sum to one"):
        bring(by_name(tmp_path, shares(LOGITS) / 2), format="outputs", says="probabilities")


def test_the_largest_alone_do_not_say_how_many_there_are(bring, tmp_path):
    np.savez(tmp_path / "o.npz", values=[[1.0]], places=[[0]], names=["a"])
    with pytest.raises(EngineError, match="say how many 'outputs'"):
        bring(tmp_path / "o.npz", format="outputs")


def test_an_array_of_objects_is_not_unpickled(bring, tmp_path):
    np.savez(tmp_path / "o.npz", outputs=np.array([{"a": 1}], dtype=object), names=["a"])
    with pytest.raises(EngineError, match="no whole NPZ file of numbers"):
        bring(tmp_path / "o.npz", format="outputs")


def test_a_bomb_is_refused_before_it_is_unpacked(bring, tmp_path):
    np.savez_compressed(tmp_path / "o.npz", outputs=np.zeros((10**6, 64), dtype=np.float32))
    with pytest.raises(EngineError, match="times its own size"):
        bring(tmp_path / "o.npz", format="outputs", caps=Caps(ratio=50))
    with pytest.raises(EngineError, match="are allowed"):
        bring(tmp_path / "o.npz", format="outputs", caps=Caps(model_bytes=10**7))


def test_an_npz_whose_header_lies_is_refused(bring, tmp_path):
    np.savez(tmp_path / "good.npz", outputs=LOGITS)
    with zipfile.ZipFile(tmp_path / "good.npz") as good:
        raw = good.read("outputs.npy").replace(b"(4, 3)", b"(9, 9)")
    with zipfile.ZipFile(tmp_path / "o.npz", "w") as bad:
        bad.writestr("outputs.npy", raw)
    with pytest.raises(EngineError, match=r"o\.npz"):
        bring(tmp_path / "o.npz", format="outputs")


def test_rows_without_names_say_so(bring, tmp_path):
    np.savez(tmp_path / "o.npz", outputs=LOGITS)
    with pytest.raises(EngineError, match=r"says of no row which sample it is"):
        bring(tmp_path / "o.npz", format="outputs")
