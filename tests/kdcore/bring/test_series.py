"""Series: windows of runs that never mix, at one rate, labelled by samples, by runs, or by what is left."""

import datetime

import numpy as np
import pytest
from bringing import bring, real
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from kdcore.bring.caps import Caps
from kdcore.errors import EngineError
from kdcore.spec import SpecError
from kdcore.spec.bringing import parse_bringing


@pytest.fixture
def runs(tmp_path):
    """Writes files and brings them as series."""

    def make(contents, caps=None, **options):
        folder, out = tmp_path / "source", tmp_path / f"pack{len(list(tmp_path.iterdir()))}"
        for name, content in contents.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)
        chosen = {"task": "regression", "target": {"columns": "y"}, "window": {"length": 3}, **options}
        return bring(folder, out, caps, format="series", **chosen)

    return make


def refused(runs, contents, **options):
    with pytest.raises(EngineError) as caught:
        runs(contents, **options)
    assert caught.value.code == "invalid_data"
    return caught.value.message


def csv(columns):
    """A table from its columns."""
    lines = [",".join(columns), *(",".join(map(str, row)) for row in zip(*columns.values(), strict=True))]
    return "\n".join(lines) + "\n"


def counted(count, first=0, **more):
    """A run whose samples say their number, a squared one, and a label."""
    numbers = list(range(first, first + count))
    return csv({"a": numbers, "b": [n * n for n in numbers], "y": [n / 10 for n in numbers], **more})


def test_windows_are_channels_by_samples_and_end_with_their_label(runs):
    brought = runs({"one.csv": counted(8), "two.csv": counted(5, 100)}, window={"length": 3, "stride": 2})
    train = brought.split("train")
    assert brought.card.input.channels == ("a", "b")
    assert train.inputs.shape == (5, 2, 3)
    assert train.inputs[1].tolist() == [[2, 3, 4], [4, 9, 16]]
    assert train.inputs[:, 0, 0].tolist() == [0, 2, 4, 100, 102]
    assert train.targets[:, 0].tolist() == pytest.approx([0.2, 0.4, 0.6, 10.2, 10.4])
    assert train.groups.tolist() == [0, 0, 0, 1, 1]
    assert list(train.names[:2]) == ["one.csv, samples 1 to 3", "one.csv, samples 3 to 5"]


@pytest.mark.parametrize(
    ("task", "target", "expected"),
    [
        ("regression", {"columns": "y", "take": "mean"}, [1 / 3, 1, 0]),
        ("regression", {"columns": "y", "take": "min"}, [0, 1, 0]),
        ("regression", {"columns": "y", "take": "max"}, [1, 1, 0]),
        ("regression", {"columns": "a", "ahead": 2}, [4, 7]),
        ("classification", {"columns": "y", "take": "majority"}, [0, 1, 0]),
        ("classification", {"columns": "y", "take": "max"}, [1, 1, 0]),
        ("classification", {"columns": "y"}, [0, 1, 0]),
    ],
)
def test_a_window_takes_its_label_from_its_samples(runs, task, target, expected):
    table = csv({"a": range(9), "b": range(9), "y": [0, 1, 0, 1, 1, 1, 0, 0, 0]})
    brought = runs({"one.csv": table}, task=task, target=target, channels=["a", "b"])
    assert brought.split("train").targets.reshape(-1).tolist() == pytest.approx(expected)


def test_a_table_of_several_runs_is_parted_by_its_column_even_where_they_are_mixed(runs):
    table = csv({"r": [1, 2, 1, 2, 1, 2], "a": [0, 10, 1, 11, 2, 12], "y": [0, 0, 0, 1, 2, 1]})
    brought = runs({"x.csv": table}, run="r")
    assert brought.split("train").inputs[:, 0].tolist() == [[0, 1, 2], [10, 11, 12]]
    assert brought.split("train").names[1] == "x.csv, r 2, samples 1 to 3"


def test_runs_are_labelled_by_their_folder(runs):
    files = {f"{label}/{n}.csv": csv({"a": range(n, n + 3)}) for label in ("worn", "new") for n in range(2)}
    brought = runs(files, task="classification", target={"folder": True})
    assert brought.card.target.classes == ("new", "worn")
    assert brought.split("train").targets.tolist() == [0, 0, 1, 1]


def test_runs_are_labelled_by_a_table(runs):
    files = {
        "runs/p1.csv": csv({"a": range(6)}),
        "runs/p2.csv": csv({"a": range(3)}),
        "labels.csv": "run,wear\np2,0.5\np1,0.25\n",
    }
    target = {"table": {"file": "labels.csv", "run": "run", "columns": "wear"}}
    brought = runs(files, files=["runs/*"], target=target)
    assert brought.card.target.classes == ("wear",)
    assert brought.split("train").targets[:, 0].tolist() == [0.25, 0.25, 0.5]
    files["labels.csv"] = "run,wear\np2,0.5\n"
    assert "runs/p1.csv: has no value of 'wear'" in refused(runs, files, files=["runs/*"], target=target)


def test_what_remains_is_counted_from_the_end_of_a_run_up_to_a_cap(runs):
    files = {"train.csv": csv({"a": range(8)}), "test.csv": csv({"a": range(4)}), "left.txt": "10\n"}
    target = {"remaining": {"cap": 4, "ends": {"test": "left.txt"}}}
    splits = {"train": ["train.csv"], "test": ["test.csv"]}
    brought = runs(files, splits=splits, target=target, window={"length": 2, "stride": 1})
    assert brought.split("train").targets[:, 0].tolist() == [4, 4, 4, 3, 2, 1, 0]
    assert brought.split("test").targets[:, 0].tolist() == [4, 4, 4]
    assert (
        runs(files, splits=splits, target=target, window={"length": 2, "stride": 2, "test": "last"})
        .card.splits["test"]
        .count
        == 1
    )
    files["left.txt"] = "10\n20\n"
    assert "left.txt has 2 numbers" in refused(runs, files, splits=splits, target=target)


def timed(steps, first=0.0):
    times = [first + sum(steps[:n]) for n in range(len(steps) + 1)]
    return csv({"t": times, "a": [2 * t for t in times], "y": [int(t >= 4) for t in times]})


def test_the_rate_follows_from_times_in_numbers_or_dates(runs):
    brought = runs({"one.csv": timed([0.5] * 9)}, time="t")
    assert brought.card.input.rate_hz == 2
    assert brought.card.input.channels == ("a",)
    begin = datetime.datetime(2024, 2, 28, 23, 59, 59)
    dates = [begin + datetime.timedelta(milliseconds=250 * n) for n in range(9)]
    brought = runs({"one.csv": csv({"t": dates, "a": range(9), "y": range(9)})}, time="t")
    assert brought.card.input.rate_hz == 4


def test_mixed_rates_are_refused_by_run_or_resampled(runs):
    files = {f"{n}.csv": timed([1.0] * 9) for n in range(3)} | {"odd.csv": timed([0.5] * 19)}
    message = refused(runs, files, time="t")
    assert "odd.csv: has 2 samples a second where most runs have 1: say resample: 1" in message
    brought = runs(files, time="t", resample=1)
    assert brought.split("train").inputs[:, 0].tolist() == [[0, 2, 4], [6, 8, 10], [12, 14, 16]] * 4
    left_out = runs(files, time="t", quarantine=True)
    assert left_out.card.splits["train"].groups == 3


def test_uneven_steps_are_refused_or_interpolated(runs):
    files = {"one.csv": timed([1, 1, 2, 1, 1, 1, 2, 1])}
    assert "2 of its 8 steps are not the usual 1 s: say resample: 1" in refused(runs, files, time="t")
    train = runs(files, time="t", resample=1, task="classification").split("train")
    assert train.inputs[:, 0].tolist() == [[0, 2, 4], [6, 8, 10], [12, 14, 16]]
    assert train.targets.tolist() == [0, 1, 1]


def test_no_window_lies_across_a_gap(runs):
    files = {"one.csv": timed([1] * 5 + [500] + [1] * 5)}
    train = runs(files, time="t", window={"length": 3, "stride": 1}).split("train")
    assert train.inputs[:, 0, 0].tolist() == [0, 2, 4, 6, 1010, 1012, 1014, 1016]


@pytest.mark.parametrize(
    ("content", "options", "says"),
    [
        (timed([1, 1, -1, 1, 1]), {"time": "t"}, "its times do not rise at line 5"),
        (timed([1, 1, 0, 1, 1]), {"time": "t"}, "its times do not rise at line 5"),
        (csv({"t": ["1/2/24"] * 4, "a": range(4), "y": range(4)}), {"time": "t"}, "x.csv:2, column 't': is '1/2/24'"),
        (csv({"t": ["2024-13-01"] * 4, "a": range(4), "y": range(4)}), {"time": "t"}, "write it after ISO 8601"),
        (csv({"a": [1, "", "NaN", 4], "y": range(4)}), {}, "'a': 2 of 4 samples have no value, the first at line 3"),
        (csv({"a": [1, "on", 3, 4], "y": range(4)}), {}, "x.csv:3, column 'a': is 'on', not a number"),
        (csv({"a": [1, "inf", 3, 4], "y": range(4)}), {}, "x.csv:3, column 'a': is inf"),
        (csv({"a": [1, 2], "y": [1, 2]}), {}, "has 2 samples without a gap where a window needs 3"),
        (counted(4), {"channels": ["a", "c"]}, "has no column 'c'"),
        (counted(4), {"run": "r"}, "has no column 'r'"),
        (csv({"y": range(4)}), {}, "no column left as a channel"),
        (csv({"r": [1, "", 1, 1], "a": range(4), "y": range(4)}), {"run": "r"}, "x.csv:3: has no 'r'"),
        (csv({"a": range(4), "y": [1, "", 2, 3]}), {}, "x.csv:3: has no value of 'y'"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_run_is_said_with_its_place(runs, content, options, says):
    assert says in refused(runs, {"x.csv": content}, **options)


def test_windows_without_a_value_are_left_out_where_that_is_asked_for(runs):
    files = {"x.csv": csv({"a": [0, 1, 2, "", 4, 5, 6, 7, 8], "y": range(9)})}
    brought = runs(files, quarantine=True, window={"length": 3, "stride": 1})
    assert brought.split("train").inputs[:, 0, 0].tolist() == [0, 4, 5, 6]
    assert brought.report["faults"]["by_code"] == {"nan_channel": 1}


def test_times_that_would_unpack_to_a_bomb_are_refused_before_memory_is_taken(runs):
    files = {"x.csv": timed([1, 1, 9, 1, 1])}
    assert "the operator's cap" in refused(runs, files, time="t", resample=1e6, caps=Caps(pack_bytes=10**6))
    assert "allowed are 100" in refused(
        runs, {"x.csv": counted(400)}, window={"length": 3, "stride": 1}, caps=Caps(examples=100)
    )


@pytest.mark.parametrize(
    "options",
    [
        {"target": {}},
        {"target": {"columns": "y", "folder": True}},
        {"target": {"columns": "y", "ahead": 1, "take": "mean"}},
        {"target": {"columns": "y", "take": "majority"}},
        {"target": {"columns": "y", "take": "mean"}, "task": "classification"},
        {"target": {"remaining": {}}, "task": "classification"},
        {"target": {"folder": True}, "run": "r", "task": "classification"},
        {"resample": 1.0},
        {"window": {"length": 0}},
    ],
)
def test_options_that_make_no_sense_together_are_refused(options):
    chosen = {"task": "regression", "target": {"columns": "y"}, "window": {"length": 3}, **options}
    with pytest.raises(SpecError):
        parse_bringing({"format": "series", "name": "x", **chosen})


@settings(max_examples=25)
@given(
    lengths=st.lists(st.integers(2, 12), min_size=4, max_size=8),
    length=st.integers(1, 5),
    stride=st.integers(1, 4),
    share=st.floats(0.2, 0.6),
    last=st.booleans(),
)
def test_windows_never_mix_runs_nor_splits(tmp_path_factory, lengths, length, stride, share, last):
    folder = tmp_path_factory.mktemp("runs")
    run = [n for n, count in enumerate(lengths) for _ in range(count)]
    sample = [k for count in lengths for k in range(count)]
    order = np.random.default_rng(0).permutation(len(run))
    order = order[np.argsort(np.array(sample)[order], kind="stable")]  # mixed, each run in its order
    cells = {"r": np.array(run)[order], "a": np.array(run)[order], "k": np.array(sample)[order]}
    (folder / "x.csv").write_text(csv({**cells, "y": cells["k"]}))
    options = {"task": "regression", "target": {"columns": "y"}, "run": "r", "cut": {"test": share}, "quarantine": True}
    window = {"length": length, "stride": stride, "test": "last" if last else "all"}
    try:
        brought = bring(folder / "x.csv", folder / "pack", format="series", window=window, **options)
    except EngineError:  # too few runs to cut, or no window at all
        assume(False)
    runs_of = {}
    for split in brought.card.splits:
        found = brought.split(split)
        assert (found.inputs[:, 0] == found.inputs[:, 0, :1]).all(), "a window lies in two runs"
        assert (np.diff(found.inputs[:, 1], axis=1) == 1).all(), "samples are skipped"
        assert (found.targets[:, 0] == found.inputs[:, 1, -1]).all()
        runs_of[split] = set(found.inputs[:, 0, 0].tolist())
    assert not runs_of["train"] & runs_of["test"]
    if last:
        assert len(brought.split("test").targets) == len(runs_of["test"])


def test_turbofans_are_brought_with_what_remains_of_them(tmp_path):
    names = ["unit", "cycle", *(f"setting{n}" for n in (1, 2, 3)), *(f"s{n}" for n in range(1, 22))]
    options = {
        "task": "regression",
        "run": "unit",
        "drop": "cycle",
        "splits": {"train": ["train_FD001.txt"], "test": ["test_FD001.txt"]},
        "reading": {"header": False, "names": names},
        "target": {"remaining": {"cap": 125, "ends": {"test": "RUL_FD001.txt"}}},
        "window": {"length": 30, "stride": 1, "test": "last"},
        "cut": {"validation": 0.1},
    }
    brought = bring(real("cmapss-fd001"), tmp_path / "a", format="series", **options)
    counts = {name: split.count for name, split in brought.card.splits.items()}
    assert counts["train"] + counts["validation"] == 20_631 - 100 * 29
    assert counts["test"] == 100
    left = [float(line) for line in (real("cmapss-fd001") / "RUL_FD001.txt").read_text().split()]
    assert brought.split("test").targets[:, 0].tolist() == [min(value, 125) for value in left]
    constant = {warning["message"].split()[1] for warning in brought.warned("constant_channel")}
    assert constant == {"setting3", "s1", "s5", "s10", "s16", "s18", "s19"}
    assert not set(brought.split("train").groups.tolist()) & set(brought.split("validation").groups.tolist())


def test_a_pump_bench_is_brought_by_file_at_one_rate(tmp_path):
    options = {
        "task": "classification",
        "time": "datetime",
        "splits": {"train": ["data/valve1/*.csv"], "test": ["data/valve2/*.csv"]},
        "drop": "changepoint",
        "target": {"columns": "anomaly", "take": "majority"},
        "window": {"length": 30, "stride": 10},
    }
    with pytest.raises(EngineError, match=r"data/valve1/0\.csv: 53 of its 1146 steps are not the usual 1 s"):
        bring(real("skab"), tmp_path / "a", format="series", **options)
    brought = bring(real("skab"), tmp_path / "b", format="series", resample=1, **options)
    assert brought.card.input.shape == (8, 30)
    assert brought.card.input.rate_hz == 1
    assert brought.card.target.classes == ("0", "1")
    assert {name: split.groups for name, split in brought.card.splits.items()} == {"train": 16, "test": 4}
    again = bring(real("skab"), tmp_path / "c", format="series", resample=1, **options)
    assert again.card.sha256 == brought.card.sha256
