"""What is asked of every dataset: splits, classes, equal and nearly equal examples, channels, report and preview."""

import json
import resource
import shutil

import numpy as np
import pytest
from bringing import bring
from drawing import class_folders, draw, noise
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from kdcore.bring import Caps, dataset
from kdcore.bring.cutting import by_group, cut, stratified
from kdcore.bring.findings import Findings
from kdcore.bring.room import Reading, mapped
from kdcore.data.pack import read_card
from kdcore.errors import EngineError, Stopped
from kdcore.spec.bringing import Cut, parse_bringing
from kdcore.spec.cards import InputCard, TargetCard

FOLDERS = {"format": "image-folder"}


def reading(labels, groups=None, given=None):
    labels = np.asarray(labels, dtype=np.int64)
    return Reading(
        task="classification",
        input=InputCard(kind="table", shape=(1,)),
        target=TargetCard(classes=("a", "b", "c")),
        inputs=np.arange(len(labels), dtype=np.float32)[:, None],
        targets=labels,
        names=[str(place) for place in range(len(labels))],
        given=given or ["train"] * len(labels),
        groups=None if groups is None else np.asarray(groups, dtype=np.int64),
    )


def cut_of(made, twins=None, **options):
    return cut(made, Cut(**options), np.arange(len(made.inputs)) if twins is None else twins, Findings())


def test_a_cut_has_every_class_in_its_share():
    made = reading([0] * 50 + [1] * 30 + [2] * 20)
    parts = cut_of(made, test=0.2, validation=0.1)
    assert np.bincount(made.targets[parts["test"]]).tolist() == [10, 6, 4]
    assert np.bincount(made.targets[parts["validation"]]).tolist() == [5, 3, 2]
    assert sorted(np.concatenate(list(parts.values())).tolist()) == list(range(100))


def test_a_cut_is_the_same_for_the_same_seed_and_another_for_another():
    made = reading(np.arange(60) % 3)
    first, again, other = (cut_of(made, test=0.2, seed=seed)["test"].tolist() for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_no_group_is_in_two_splits_and_classes_keep_their_shares():
    groups = np.repeat(np.arange(40), 5)
    made = reading(groups % 3, groups)
    parts = cut_of(made, test=0.2, validation=0.2)
    seen = [set(groups[places].tolist()) for places in parts.values()]
    assert not seen[0] & seen[1] | seen[0] & seen[2] | seen[1] & seen[2]
    assert len(parts["test"]) == pytest.approx(40, abs=10)
    assert np.bincount(made.targets[parts["test"]], minlength=3).min() > 0


def test_one_group_alone_cannot_be_cut():
    with pytest.raises(EngineError, match="too few") as caught:
        cut_of(reading([0, 1, 2] * 5, [1] * 15), test=0.2)
    assert caught.value.param == "/cut"


def test_a_split_that_was_given_is_kept_and_the_cut_only_warned_of():
    made, found = reading([0, 1, 2] * 4, given=["train"] * 9 + ["test"] * 3), Findings()
    parts = cut(made, Cut(test=0.5, validation=0.3), np.arange(12), found)
    assert parts["test"].tolist() == [9, 10, 11]
    assert len(parts["validation"]) == 3
    assert [warning["code"] for warning in found.warnings] == ["split_given"]


def test_equal_examples_stay_together():
    twins = np.arange(60) // 2 * 2
    parts = cut_of(reading(np.arange(60) // 20), twins, test=0.3)
    assert not set(twins[parts["train"]].tolist()) & set(twins[parts["test"]].tolist())


@given(st.lists(st.integers(0, 4), min_size=4, max_size=80), st.data())
def test_a_stratified_draw_has_its_count_and_shares(labels, data):
    labels = np.asarray(labels)
    count = data.draw(st.integers(1, len(labels) - 1))
    chosen = stratified(labels, count, np.random.default_rng(0))
    assert len(set(chosen.tolist())) == count
    shares = np.bincount(labels) * count / len(labels)
    assert (np.abs(np.bincount(labels[chosen], minlength=len(shares)) - shares) < 1).all()


@given(st.lists(st.integers(0, 9), min_size=6, max_size=60), st.integers(0, 100))
def test_a_draw_by_group_takes_whole_groups_or_is_refused(groups, seed):
    groups = np.asarray(groups)
    try:
        chosen = by_group(groups, np.zeros(len(groups), np.int64), len(groups) // 3, np.random.default_rng(seed))
    except EngineError:
        return
    taken = set(groups[chosen].tolist())
    assert np.isin(groups, list(taken)).sum() == len(chosen)
    assert len(chosen) < len(groups)


def test_a_leak_and_a_contradiction_are_found_by_content_whatever_the_name(tmp_path):
    for split in ("train", "test"):
        class_folders(tmp_path / "in" / split, count=6, width=12 if split == "train" else 11)
    shutil.copy(tmp_path / "in" / "train" / "a" / "0.png", tmp_path / "in" / "test" / "a" / "other.png")
    draw(tmp_path / "in" / "train" / "b" / "same.bmp", 1)
    made = bring(tmp_path / "in", tmp_path / "out", **FOLDERS)
    duplicates = made.report["duplicates"]
    assert duplicates["across"] == [
        {"splits": ["train", "test"], "count": 1, "pairs": [["train/a/0.png", "test/a/other.png"]]}
    ]
    assert duplicates["within"] == {"train": 1, "test": 0}
    assert made.warned("leak")[0]["pairs"] == [["train/a/0.png", "test/a/other.png"]]
    assert made.warned("contradiction")[0]["pairs"] == [["train/a/1.png", "train/b/same.bmp"]]


def test_the_same_shot_saved_again_is_found_across_splits(tmp_path):
    smooth = [noise(seed, 8, 8).resize((64, 64), Image.Resampling.BICUBIC) for seed in range(12)]
    for place, picture in enumerate(smooth):
        folder = tmp_path / "in" / ("train" if place < 8 else "test") / "ab"[place % 2]
        folder.mkdir(parents=True, exist_ok=True)
        picture.save(folder / f"{place}.png")
    smooth[0].save(tmp_path / "in" / "test" / "a" / "again.jpg", quality=80)
    made = bring(tmp_path / "in", tmp_path / "out", **FOLDERS)
    assert made.report["duplicates"]["near"]["pairs"] == [["train/a/0.png", "test/a/again.jpg"]]
    assert made.report["duplicates"]["across"] == []


def test_moments_are_those_of_the_training_pictures(tmp_path):
    for split, offset in (("train", 0), ("test", 50)):
        for place in range(6):
            draw(tmp_path / "in" / split / "ab"[place % 2] / f"{place}.png", place + offset)
    made = bring(tmp_path / "in", tmp_path / "out", **FOLDERS)
    levels = made.split("train").inputs.astype(np.float64) / 255
    assert made.card.mean == pytest.approx(levels.mean(axis=(0, 2, 3)))
    assert made.card.std == pytest.approx(levels.std(axis=(0, 2, 3)))
    channel = made.report["channels"][0]
    assert (channel["channel"], channel["min"], channel["max"]) == ("red", levels[:, 0].min(), levels[:, 0].max())


def test_a_channel_that_never_changes_is_warned_of(tmp_path):
    inputs = np.random.default_rng(0).normal(size=(20, 2))
    inputs[:, 1] = 3
    (tmp_path / "in").mkdir()
    np.savez(tmp_path / "in" / "x.npz", inputs=inputs, targets=np.arange(20) % 2)
    made = bring(tmp_path / "in", tmp_path / "out", format="npz", names=["heat", "serial"])
    assert "serial" in made.warned("constant_channel")[0]["message"]
    assert made.card.std[1] == 1.0


def test_the_preview_shows_each_split_and_the_report_says_what_it_shows(tmp_path):
    for split in ("train", "test"):
        class_folders(tmp_path / "in" / split, count=20, width=12 if split == "train" else 11)
    made = bring(tmp_path / "in", tmp_path / "out", **FOLDERS)
    records = made.report["preview"]
    assert [record["split"] for record in records] == ["train"] * 12 + ["test"] * 12
    with Image.open(made.folder / "preview" / records[0]["picture"]) as picture:
        assert max(picture.size) == 160
    assert records[0]["target"] == records[0]["name"].split("/")[1]


def test_the_same_content_has_the_same_digest_whatever_it_is_called(tmp_path):
    first = bring(class_folders(tmp_path / "one"), tmp_path / "a", **FOLDERS)
    shutil.copytree(tmp_path / "one", tmp_path / "two")
    (tmp_path / "two" / "a" / "0.png").rename(tmp_path / "two" / "a" / "00.png")
    second = bring(tmp_path / "two", tmp_path / "b", **FOLDERS)
    assert first.card.sha256 == second.card.sha256
    assert first.card.files != second.card.files
    third = bring(class_folders(tmp_path / "three", count=5), tmp_path / "c", **FOLDERS)
    assert third.card.sha256 != first.card.sha256


def test_nothing_but_the_pack_is_left_and_nothing_is_written_to_the_source(tmp_path):
    source = class_folders(tmp_path / "in")
    before = sorted(str(path) for path in source.rglob("*"))
    made = bring(source, tmp_path / "out", **FOLDERS)
    assert sorted(str(path) for path in source.rglob("*")) == before
    assert sorted(path.name for path in made.folder.iterdir()) == ["dataset.json", "preview", "report.json", "train"]
    assert read_card(made.folder) == made.card
    assert {file.path for file in made.card.files} >= {"report.json", "train/inputs.npy", "train/names.txt"}


def test_a_refusal_leaves_a_report_and_the_next_attempt_begins_anew(tmp_path):
    source = class_folders(tmp_path / "in")
    (source / "a" / "0.png").write_bytes(b"x")
    with pytest.raises(EngineError):
        bring(source, tmp_path / "out", **FOLDERS)
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert report["state"] == "refused"
    assert report["faults"]["listed"][0]["item"] == "a/0.png"
    assert bring(source, tmp_path / "out", quarantine=True, **FOLDERS).report["state"] == "ready"


def test_a_folder_with_other_things_or_a_finished_pack_is_left_alone(tmp_path):
    source = class_folders(tmp_path / "in")
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "thesis.txt").write_text("precious")
    with pytest.raises(EngineError, match=r"holds 'thesis\.txt'"):
        bring(source, tmp_path / "home", **FOLDERS)
    bring(source, tmp_path / "out", **FOLDERS)
    with pytest.raises(EngineError, match="finished dataset"):
        bring(source, tmp_path / "out", **FOLDERS)
    assert (tmp_path / "home" / "thesis.txt").read_text() == "precious"


def test_progress_only_grows_and_stopping_is_asked_for(tmp_path):
    source = class_folders(tmp_path / "in", count=10)
    options, records = parse_bringing({"name": "x", **FOLDERS}), []
    dataset(source, options, tmp_path / "out", caps=Caps(), report=records.append)
    percents = [record["percent"] for record in records if record["type"] == "progress"]
    assert percents == sorted(percents)
    assert percents[-1] == 100
    assert [record["phase"] for record in records if record["type"] == "phase"] == ["unpack", "scan", "read", "check"]
    with pytest.raises(Stopped, match="enough"):
        dataset(source, options, tmp_path / "two", caps=Caps(), stop=lambda: "enough")
    assert not (tmp_path / "two" / ".scratch").exists()


def test_a_full_disk_is_said_before_a_mapped_page_could_kill_the_process(tmp_path):
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10**5, before[1]))
    try:
        with pytest.raises(EngineError) as caught:
            mapped(tmp_path / "x.npy", (10**6,), np.uint8)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert caught.value.code == "disk_full"
