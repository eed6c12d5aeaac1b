"""Entries of a cache folder: one writer, checked before use, rebuilt when damaged, removed when unused."""

import json
import os
import re
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import torch
from caching import BLOCK, SAMPLES, VIEWS, Kept, Killed, equal, everything, key, network

from kdcore.errors import EngineError, Stopped
from kdcore.train.cache import trim
from kdcore.train.cache.entry import POLL_SECONDS
from kdcore.train.cache.key import digest

BLOCKS = -(-SAMPLES * VIEWS // BLOCK)


def entry_of(folder):
    (path,) = (path for path in folder.iterdir() if path.is_dir())
    return path


def flip_byte(path, at):
    with path.open("r+b") as file:
        file.seek(at)
        byte = file.read(1)[0]
        file.seek(at)
        file.write(bytes([byte ^ 1]))


def cut(entry):
    os.truncate(entry / "0.bin", 100)


def missing(entry):
    (entry / "1.bin").unlink()


def one_bit(entry):
    flip_byte(entry / "1.bin", 700)


def no_json(entry):
    (entry / "manifest.json").write_text("{")


def half_a_manifest(entry):
    content = json.loads((entry / "manifest.json").read_text())
    content["blocks"].pop("2")
    (entry / "manifest.json").write_text(json.dumps(content))


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (cut, r"0\.bin: has 100 of \d+ bytes"),
        (missing, r"1\.bin: has 0 of \d+ bytes"),
        (one_bit, r"1\.bin: block \d has another checksum"),
        (no_json, r"manifest\.json: cannot be read"),
        (half_a_manifest, r"manifest\.json: names 7 of 8 blocks"),
    ],
)
@pytest.mark.parametrize("place", ["memory", "file"])
def test_a_damaged_entry_is_named_and_built_again(tmp_path, damage, said, place):
    kept = Kept(tmp_path)
    first = kept.built()
    expected = everything(first)
    first.close()
    damage(entry_of(tmp_path))
    kept.passes = 0
    again = kept.open(place=place)
    assert not again.complete
    (finding,) = again.findings
    assert finding["kind"] == finding["code"] == "cache_damaged"
    assert re.search(said, finding["message"])
    assert equal(everything(kept.fill(again)), expected)
    assert kept.passes == BLOCKS


def test_the_outputs_of_another_teacher_under_our_name_are_not_used(tmp_path):
    other, own = Kept(tmp_path, network(1)), Kept(tmp_path, network(0))
    other.built().close()
    foreign = entry_of(tmp_path)
    own.built().close()
    (entry,) = (path for path in tmp_path.iterdir() if path.is_dir() and path != foreign)
    for file in foreign.glob("*.*"):
        (entry / file.name).write_bytes(file.read_bytes())
    cache = own.open()
    assert not cache.complete
    assert "belongs to other outputs: weights is" in cache.findings[0]["message"]
    assert equal(everything(own.fill(cache)), everything(Kept(None, network(0)).built()))


@pytest.mark.parametrize(
    "changes",
    [
        {"project": "other"},
        {"network": {"architecture": "other"}},
        {"weights": "other"},
        {"inputs": {"sha256": "1"}},
        {"recipe": {"seed": 1}},
        {"numerics": {"precision": "bfloat16"}},
    ],
)
def test_any_ingredient_of_the_key_makes_another_entry(tmp_path, changes):
    kept = Kept(tmp_path)
    kept.built().close()
    assert not kept.open(changes=changes).complete


@pytest.mark.parametrize(
    "layout",
    [{"samples": 19}, {"views": 2}, {"block": 16}, {"dtype": "float16"}, {"top_k": 3}, {"channels_last": True}],
)
def test_any_change_of_the_layout_makes_another_entry(tmp_path, layout):
    Kept(tmp_path).built().close()
    assert not Kept(tmp_path, **layout).open().complete


def test_a_manifest_says_in_clear_text_what_it_depends_on(tmp_path):
    kept = Kept(tmp_path)
    kept.built().close()
    content = json.loads((entry_of(tmp_path) / "manifest.json").read_text())
    assert content["key"]["numerics"]["precision"] == "float32"
    assert content["key"]["versions"]["torch"] == torch.__version__
    assert [name for name, _ in content["key"]["layout"]["points"]] == ["0", "logits"]
    assert content["files"]["1.bin"] == SAMPLES * VIEWS * 10 * 4


def test_a_torn_block_of_a_half_built_entry_is_computed_again_alone(tmp_path):
    kept = Kept(tmp_path)
    cache = kept.open()
    with pytest.raises(Killed):
        kept.fill(cache, dies_at=5)
    cache.close()
    flip_byte(entry_of(tmp_path) / "0.bin", 10)
    kept.passes = 0
    again = kept.built()
    assert kept.passes == BLOCKS - 3
    assert "block 0" in again.findings[0]["message"]
    assert equal(everything(again), everything(Kept(None).built()))


def test_a_second_process_waits_for_the_builder_and_asks_no_network(tmp_path):
    builder, reader = Kept(tmp_path), Kept(tmp_path)
    first, waiting = builder.open(), threading.Event()
    found = []

    def read():
        found.append(reader.open(place="file", waiting=waiting.set))

    thread = threading.Thread(target=read)
    thread.start()
    assert waiting.wait(10)
    builder.fill(first)
    thread.join(10)
    assert reader.passes == 0
    assert equal(everything(found[0]), everything(first))


def test_waiting_for_a_builder_ends_on_request(tmp_path):
    holder = Kept(tmp_path).open()
    began = time.monotonic()
    with pytest.raises(Stopped, match="cancel"):
        Kept(tmp_path).open(stop=lambda: "cancel" if time.monotonic() - began > POLL_SECONDS else None)
    holder.close()


def test_the_entry_used_least_recently_goes_first_and_one_in_use_stays(tmp_path):
    for seed in range(3):
        Kept(tmp_path, network(seed)).built().close()
    size = sum(file.stat().st_size for file in entry_of_seed(tmp_path, 0).iterdir())
    for seed, age in ((0, 300), (1, 200), (2, 100)):
        then = time.time() - age
        os.utime(entry_of_seed(tmp_path, seed) / "lock", (then, then))
    used = Kept(tmp_path, network(1)).open(place="file")
    os.utime(entry_of_seed(tmp_path, 1) / "lock", (0, 0))
    assert trim(tmp_path, int(2.5 * size)) == [entry_of_seed(tmp_path, 0).name]
    assert trim(tmp_path, 0) == [entry_of_seed(tmp_path, 2).name]
    assert equal(everything(used), everything(Kept(None, network(1)).built()))
    used.close()
    assert len(trim(tmp_path, 0)) == 1
    assert trim(tmp_path, 0) == []


def entry_of_seed(folder, seed):
    kept = Kept(folder, network(seed))
    return folder / digest(key(kept.teacher).ingredients(kept.layout().document()))


def test_opening_makes_room_within_the_budget(tmp_path):
    Kept(tmp_path, network(1)).built().close()
    second = Kept(tmp_path, network(2))
    budget = int(1.5 * second.layout().bytes)
    second.built(disk=budget).close()
    assert len([path for path in tmp_path.iterdir() if path.is_dir()]) == 1


def test_a_budget_that_is_too_small_or_in_use_is_refused(tmp_path):
    kept = Kept(tmp_path)
    need = kept.layout().bytes
    with pytest.raises(EngineError, match="their folder may take") as caught:
        kept.open(disk=need - 1)
    assert (caught.value.code, caught.value.param) == ("disk_full", "/training/cache/disk_mb")
    holder = kept.built(disk=need)
    with pytest.raises(EngineError, match="are in use by other jobs"):
        Kept(tmp_path, network(1)).open(disk=int(1.5 * need))
    holder.close()


def test_a_disk_that_is_smaller_than_the_budget_is_refused_before_the_work(tmp_path):
    huge = Kept(tmp_path, samples=10**9)
    with pytest.raises(EngineError, match="the disk of"):
        huge.open(place="file", disk=10**15)


BUILD = """
import os, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from caching import Kept
kept = Kept(Path(sys.argv[1]), samples=400)
cache = kept.open()
import kdcore.train.cache.disk as disk
disk.FLUSH_SECONDS = 0
kept.fill(cache, progress=lambda done, of: done > of // 2 and os.kill(os.getpid(), signal.SIGKILL))
"""


@pytest.mark.slow
def test_a_killed_builder_leaves_its_lock_and_its_blocks_to_the_next(tmp_path):
    support = str(Path(__file__).parents[2] / "support")
    done = subprocess.run([sys.executable, "-c", BUILD, str(tmp_path), support], check=False)
    assert done.returncode == -9
    kept = Kept(tmp_path, samples=400)
    again = kept.built()
    assert 0 < kept.passes <= again.layout.blocks // 2 + 1
    assert again.findings == []
    assert equal(everything(again), everything(Kept(None, samples=400).built()))
