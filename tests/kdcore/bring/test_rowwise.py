"""Every format of rows: progress rises, a stop is heard, a broken file is left out by name, nothing else is written."""

import json
import pickle

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from bringing import Brought, bring

from kdcore.bring.caps import Caps
from kdcore.bring.datasets import dataset
from kdcore.errors import EngineError, Stopped
from kdcore.spec.bringing import FORMATS, parse_bringing

NUMBERS = {"a": list(range(60)), "b": [n % 7 for n in range(60)], "y": [n % 3 for n in range(60)]}
TEXTS = {"text": [f"number {n} and more" for n in range(60)], "label": ["odd" if n % 2 else "even" for n in range(60)]}
LETTERS = {"train": {"kind": "characters"}}
CASES = {
    "table": (NUMBERS, {"task": "classification", "target": "y", "cut": {"test": 0.2}}),
    "series": (NUMBERS, {"task": "regression", "target": {"columns": "y"}, "window": {"length": 4, "stride": 1}}),
    "text": (TEXTS, {"task": "classification", "target": "label", "cut": {"test": 0.2}, "max_length": "auto"}),
    "generation": (TEXTS, {"text": "text", "target": "label", "tokenizer": LETTERS}),
}


def written(folder, columns, name):
    """A table in the format that its name says."""
    path = folder / name
    rows = [dict(zip(columns, cells, strict=True)) for cells in zip(*columns.values(), strict=True)]
    if name.endswith(".parquet"):
        pq.write_table(pa.table(columns), path)
    elif name.endswith(".jsonl"):
        path.write_text("\n".join(map(json.dumps, rows)))
    else:
        lines = [",".join(columns), *(",".join(map(str, row.values())) for row in rows)]
        path.write_text("\n".join(lines) + "\n")
    return path


@pytest.mark.parametrize("name", CASES)
def test_csv_json_lines_and_parquet_give_the_same_examples(tmp_path, name):
    columns, options = CASES[name]
    found = [
        bring(written(tmp_path, columns, f"x.{ending}"), tmp_path / ending, format=name, **options)
        for ending in ("csv", "jsonl", "parquet")
    ]
    assert len({brought.card.sha256 for brought in found}) == 1
    assert found[0].card.input == found[2].card.input


@pytest.mark.parametrize("name", CASES)
def test_progress_rises_to_the_end_and_says_where_it_is(tmp_path, name, monkeypatch):
    monkeypatch.setattr("kdcore.bring.steps.INTERVAL", 0)
    columns, options = CASES[name]
    records = []
    chosen = parse_bringing({"format": name, "name": "x", **options})
    dataset(written(tmp_path, columns, "x.csv"), chosen, tmp_path / "pack", caps=Caps(), report=records.append)
    percents = [record["percent"] for record in records if record["type"] == "progress"]
    assert percents == sorted(percents)
    assert percents[-1] == 100
    assert {record["phase"] for record in records} == {"unpack", "read", "make", "check"}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("moment", [1, 2, 3, 5])
def test_a_stop_is_heard_and_leaves_nothing_but_what_a_new_start_takes_away(tmp_path, name, moment, monkeypatch):
    monkeypatch.setattr("kdcore.bring.steps.INTERVAL", 0)
    columns, options = CASES[name]
    source, chosen = written(tmp_path, columns, "x.csv"), parse_bringing({"format": name, "name": "test", **options})
    asked = []

    def stop():
        asked.append(1)
        return "enough" if len(asked) == moment else None

    with pytest.raises(Stopped, match="enough"):
        dataset(source, chosen, tmp_path / "pack", caps=Caps(), stop=stop)
    again = Brought(dataset(source, chosen, tmp_path / "pack", caps=Caps()), tmp_path / "pack")
    assert again.card.sha256 == bring(source, tmp_path / "other", format=name, **options).card.sha256


BROKEN = {
    "pickle.csv": pickle.dumps(NUMBERS, protocol=5),
    "latin.csv": "a,b,y\n1,2,caf\u00e9\n".encode("latin-1"),
    "cut.csv": b'a,b,y\n1,2,"3\n',
    "wide.csv": b"a,b,y\n1\x002,3,4\n",
}


@pytest.mark.parametrize("broken", BROKEN)
@pytest.mark.parametrize("name", ["table", "series"])
def test_a_broken_file_is_named_and_left_out_where_that_is_asked_for(tmp_path, name, broken):
    columns, options = CASES[name]
    (tmp_path / "source").mkdir()
    written(tmp_path / "source", columns, "good.csv")
    (tmp_path / "source" / broken).write_bytes(BROKEN[broken])
    with pytest.raises(EngineError, match=f"/source: {broken}"):
        bring(tmp_path / "source", tmp_path / "a", format=name, **options)
    brought = bring(tmp_path / "source", tmp_path / "b", format=name, quarantine=True, **options)
    alone = bring(tmp_path / "source" / "good.csv", tmp_path / "c", format=name, **options)
    assert np.array_equal(brought.split("train").inputs, alone.split("train").inputs)
    assert brought.report["faults"]["listed"][0]["item"] == broken


@pytest.mark.parametrize("name", CASES)
def test_a_parquet_file_that_lies_or_nests_is_refused_in_every_format(tmp_path, name):
    columns, options = CASES[name]
    whole = written(tmp_path, columns, "x.parquet").read_bytes()
    (tmp_path / "cut.parquet").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(EngineError, match=r"cut\.parquet: is no readable Parquet file"):
        bring(tmp_path / "cut.parquet", tmp_path / "a", format=name, **options)
    pq.write_table(pa.table({**columns, "deep": [[{"x": 1}]] * 60}), tmp_path / "deep.parquet")
    with pytest.raises(EngineError, match="column 'deep' is of type list"):
        bring(tmp_path / "deep.parquet", tmp_path / "b", format=name, **options)
    with pytest.raises(EngineError, match="more than the 100 allowed"):
        bring(tmp_path / "x.parquet", tmp_path / "c", Caps(unpacked_bytes=100), format=name, **options)


def test_all_formats_of_rows_can_be_asked_for():
    assert set(FORMATS) >= {*CASES, "language"}
