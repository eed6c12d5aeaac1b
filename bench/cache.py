"""What a teacher's kept outputs cost against asking the teacher: lookups, building, checking, and the bits.

    .venv/bin/python bench/cache.py [--pictures 2048] [--batch 64] [--rounds 30] [--device cpu]

For each teacher, on random pictures of 32x32: the median of rounds in which the teacher's forward pass and the lookups
of the same batch are timed in random order, as ratios teacher / lookup; of the logits and of the map of layer 2, each
from memory and from a memory-mapped file whose pages are in the page cache. Building: the share of its time that is
not the teacher's, and opening the entry again with every checksum. Bits: the largest difference of the logits between
batches of the block size and of others, relative to the largest logit.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import get_args

import torch
from timing import seconds
from torch import Tensor, nn

import kdcore.models as models
from kdcore.objective.networks import fingerprint, freeze
from kdcore.objective.points import Features
from kdcore.train.cache import Key, Layout, TeacherCache, speaking, spoken_by
from kdcore.train.cache.speaking import Speak
from kdcore.train.cache.teacher import Place
from kdcore.train.machine import Machine

POINTS = {"logits": ("logits",), "layer 2": ("stages.1",)}
SIZES = (1, 8, 32, 128, 512)
WARM_UP = 2


class Asked:
    """A network that counts the seconds it is asked for."""

    def __init__(self, speak: Speak, device: str) -> None:
        self.speak, self.device, self.seconds = speak, device, 0.0

    def __call__(self, images: Tensor) -> Features:
        found: list[Features] = []
        self.seconds += seconds(lambda: found.append(self.speak(images)), self.device)
        return found[0]


@dataclass(frozen=True)
class Bench:
    """One teacher, the points that are kept, and the pictures."""

    teacher: nn.Module
    points: tuple[str, ...]
    images: Tensor
    machine: Machine
    options: argparse.Namespace

    def row(self, folder: Path) -> dict[str, object]:
        """Build once, open from both places, time lookups against the teacher."""
        with speaking(self.teacher, self.points, self.machine) as speak:
            layout = Layout.of(spoken_by(speak, self.images[:2]), samples=len(self.images), block=self.options.block)
            built, asked = self._built(folder, layout, speak)
            opened, opening = self._opened(folder, layout)
            middle = self._timed({"teacher": self._ask(speak), **{at: one.lookup for at, one in opened.items()}})
        return {
            "bytes a picture": layout.bytes // len(self.images),
            "teacher ms": round(1e3 * middle["teacher"], 3),
            **{f"{place} us": round(1e6 * middle[place], 1) for place in opened},
            **{f"teacher / {place}": round(middle["teacher"] / middle[place]) for place in opened},
            "building s": round(built, 2),
            "building, not the teacher's share": round(1 - asked / built, 4),
            "opening / building": {place: round(taken / built, 4) for place, taken in opening.items()},
        }

    def _open(self, folder: Path, layout: Layout, place: Place) -> TeacherCache:
        key = Key("bench", {}, fingerprint(self.teacher), {}, {}, self.machine.pinned())
        return TeacherCache.open(folder, key, layout, place=place, device=self.machine.device)

    def _built(self, folder: Path, layout: Layout, speak: Speak) -> tuple[float, float]:
        """Seconds of building, and how many of them the teacher took."""
        asked = Asked(speak, self.machine.device)
        cache = self._open(folder, layout, "file")
        total = seconds(lambda: cache.fill(asked, lambda index, view: self.images[index]), self.machine.device)
        cache.close()
        return total, asked.seconds

    def _opened(self, folder: Path, layout: Layout) -> tuple[dict[str, TeacherCache], dict[str, float]]:
        """The entry in both places, and the seconds that opening it took."""
        caches: dict[str, TeacherCache] = {}
        taken: dict[str, float] = {}
        for place in get_args(Place):
            began = time.perf_counter()
            caches[place] = self._open(folder, layout, place)
            taken[place] = time.perf_counter() - began
        return caches, taken

    def _ask(self, speak: Speak) -> Callable[[Tensor], object]:
        def ask(index: Tensor) -> object:
            with torch.no_grad():
                return speak(self.images[index])

        return ask

    def _timed(self, contenders: Mapping[str, Callable[[Tensor], object]]) -> dict[str, float]:
        """Median seconds of each on the same batches, in random order."""
        times: dict[str, list[float]] = {name: [] for name in contenders}
        order, draw = random.Random(0), torch.Generator().manual_seed(0)
        for number in range(WARM_UP + self.options.rounds):
            index = torch.randint(len(self.images), (self.options.batch,), generator=draw)
            for name in order.sample(list(contenders), len(contenders)):
                taken = seconds(partial(contenders[name], index), self.machine.device)
                if number >= WARM_UP:
                    times[name].append(taken)
        return {name: statistics.median(taken) for name, taken in times.items()}


@torch.no_grad()
def bits(teacher: nn.Module, images: Tensor, block: int) -> dict[str, float]:
    """By batch size, the largest difference of the logits from those of blocks."""
    images = images[:512]
    said = torch.cat([teacher(part) for part in images.split(block)])
    found = {}
    for size in SIZES:
        few = images if size > 1 else images[:64]
        other = torch.cat([teacher(part) for part in few.split(size)])
        found[str(size)] = float((other - said[: len(few)]).abs().max() / said.abs().max())
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=int, default=2048)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--block", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    machine = Machine(options.device, "bench", options.threads, "float32", torch.__version__)
    torch.manual_seed(0)
    images = torch.randn(options.pictures, 3, 32, 32).to(options.device)
    for architecture in ("resnet32x4", "resnet20"):
        teacher = freeze(models.build(architecture, 100).to(options.device))
        for name, points in POINTS.items():
            with tempfile.TemporaryDirectory() as folder:
                row = Bench(teacher, points, images, machine, options).row(Path(folder))
            print(json.dumps({"teacher": architecture, "point": name, **row}), flush=True)
        print(json.dumps({"teacher": architecture, "bits by batch size": bits(teacher, images, options.block)}))
    facts = {"pictures": options.pictures, "batch": options.batch, "block": options.block, "threads": options.threads}
    print(json.dumps({**facts, "rounds": options.rounds, "device": options.device, "torch": torch.__version__}))


if __name__ == "__main__":
    main()
