"""A small frozen network whose outputs are kept, and what they depend on."""

import dataclasses

import torch
from torch import nn

from kdcore.objective.networks import fingerprint, freeze
from kdcore.train.cache import Key, Layout, TeacherCache, speaking, spoken_by
from kdcore.train.machine import Machine

MACHINE = Machine("cpu", "test", 1, "float32", torch.__version__)
SAMPLES, VIEWS, BLOCK, CLASSES = 20, 3, 8, 10
POINTS = ("logits", "0")


class Killed(Exception):
    """What ends a build in the middle of a block."""


def network(seed=0):
    torch.manual_seed(seed)
    layers = nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 6 * 6, CLASSES)
    return freeze(nn.Sequential(*layers))


def pictures(index, view):
    """Any deterministic function of both."""
    ramp = torch.linspace(-1, 1, 36).view(1, 1, 6, 6)
    return torch.sin(ramp * (1 + index.view(-1, 1, 1, 1)) + view.view(-1, 1, 1, 1))


def key(teacher, **changes):
    plain = Key("project", {"architecture": "tiny"}, fingerprint(teacher), {"sha256": "0"}, {}, MACHINE.pinned())
    return dataclasses.replace(plain, **changes)


class Kept:
    """A cache of one network in a folder, opened as often as asked; counts how often the network was asked."""

    def __init__(self, folder, teacher=None, points=POINTS, **layout):
        self.folder, self.teacher, self.points = folder, teacher or network(), points
        self.passes, self.layout_options = 0, {"samples": SAMPLES, "views": VIEWS, "block": BLOCK, **layout}

    def layout(self):
        with speaking(self.teacher, self.points, MACHINE) as speak:
            return Layout.of(spoken_by(speak, pictures(torch.zeros(2), torch.zeros(2))), **self.layout_options)

    def open(self, *, changes=None, **options):
        return TeacherCache.open(self.folder, key(self.teacher, **(changes or {})), self.layout(), **options)

    def fill(self, cache, *, dies_at=None, **options):
        with speaking(self.teacher, self.points, MACHINE) as speak:

            def counted(images):
                self.passes += 1
                if self.passes == dies_at:
                    raise Killed
                return speak(images)

            cache.fill(counted, pictures, **options)
        return cache

    def built(self, **options):
        return self.fill(self.open(**options))

    @torch.no_grad()
    def live(self, index, view):
        with speaking(self.teacher, self.points, MACHINE) as speak:
            return speak(pictures(index, view))


def everything(cache):
    """All rows of a cache."""
    rows = torch.arange(cache.layout.rows)
    return cache.lookup(rows % cache.layout.samples, rows // cache.layout.samples)


def equal(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)
