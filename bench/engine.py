"""The engine's step against a handwritten loop, torchdistill and itself, in interleaved rounds of one process.

    .venv/bin/python bench/engine.py --threads 2 --pairs 100 --json engine.json [--methods hinton,nst] [--device cuda]

Set ``OMP_WAIT_POLICY=PASSIVE`` and ``CUBLAS_WORKSPACE_CONFIG=:4096:8`` before, as jobs do; they hold for everybody.

Pictures of 3x32x32, a resnet32x4 that teaches a resnet8x4, batches of 64 random pictures, random weights with settled
BatchNorm. Contenders take turns in random order, on the same batch in each round:

- ``bare``: PyTorch as one writes it, features by forward hooks, both networks to their logits, float32;
- ``torchdistill``: its own box and losses (FitNets' first stage with both networks rebuilt up to the hint, as its
  examples do), where it has the method;
- ``live``: our stage in float32 and contiguous, the teacher asked in each step (its BatchNorm folded, as by default);
- ``cached``: the same, the teacher's outputs looked up;
- ``live auto`` and ``cached auto``: in the numerics that our ``auto`` takes here after measuring;
- ``... compiled``: those with ``torch.compile``, where that can be.

MoKD's forms are measured against its own terms with fixed weights, DFPT-KD against our Hinton step, FitNets' first
stage against a twin that runs both networks to their logits, NST's and FSP's losses (forward and backward alone)
against RepDistiller's formulation. Exact transport against POT is ``bench/transport.py``.

A speed-up is the time of the reference over that of the contender; see ``bench/timing.py`` for intervals. Peak memory
is ``bench/memory.py``.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import peers
import torch
from contenders import HINTED, LAYER_1, METHODS, backward, counted, machines, others, pairwise_nst, said, skipped
from found import Found, document, shown
from ours import Ours, random_data
from timing import Aim, Step, Times, facts, in_turns, matrix_rate, ratio
from torch import Tensor

from kdcore.objective import distance
from kdcore.spec.objective import Kind
from kdcore.train.cache import TeacherCache

FORMS = {"exact": 1.6, "cheap": 1.1, "amortised": 1.25}
"""Of MoKD: most that a step may cost beside one with fixed weights."""

AGAINST_TORCHDISTILL = {
    "hinton": {"cached": 2.3, "cached auto": 4.5, "live auto": 2.0},
    "fitnet-1": {"cached": 2.2, "cached auto": 4.0, "live auto": 2.0},
}
SPECIAL = ("mokd", "dfpt-kd", "twin", "nst-loss", "fsp-loss")
UNCACHED, OF_COMPUTED, LOSSES, DFPT = 0.98, 0.95, 20.0, 2.5
MIB = 2**20


class Measuring:
    """All groups, with one set of pictures."""

    def __init__(self, options: argparse.Namespace, workdir: Path) -> None:
        self.options, self.workdir = options, workdir
        self.data = random_data(options.pictures)

    def ours(self, method: Any, place: int = -1) -> Ours:
        return Ours.of(method, place, self.data, self.workdir, self.options)

    def turns(self, contenders: Mapping[str, Step]) -> Times:
        return in_turns(contenders, self.options.pairs, self.options.device, warmup=self.options.warmup)

    # a method against the others

    def method(self, name: str) -> Found:
        """Everybody who has the method."""
        method = METHODS[name]
        ours = self.ours(method.preset, method.place)
        contenders, notes = {**others(name, ours)}, dict[str, Any]()
        auto, notes["numerics"] = ours.auto(self.options.auto)
        notes["auto"] = {"precision": auto.precision, "memory_format": auto.memory_format}
        caches: dict[tuple[str, str], TeacherCache] = {}
        for label, machine in machines(ours, auto, compiles=self.options.compile).items():
            numerics = (machine.precision, machine.memory_format)
            caches[numerics] = cache = caches.get(numerics) or ours.cache(machine)
            notes[f"kept MiB{label}"] = round(cache.layout.bytes / MIB, 1)
            contenders[f"live{label}"] = ours.step(ours.opened(machine), ours.batch)
            contenders[f"cached{label}"] = ours.step(ours.opened(machine, caches={"teacher": cache}), ours.batch)
        found = Found(name, self.turns(contenders), notes=notes)
        found.flops = {label: counted(partial(step, 0)) for label, step in contenders.items()}
        found.aim("bare", "live", UNCACHED)
        for label, least in AGAINST_TORCHDISTILL.get(name, {}).items():
            found.aim("torchdistill", label, least)
        return found

    # ours against ours

    def mokd(self) -> Found:
        """Each form against fixed weights of the same terms, teacher live."""
        ours = self.ours("mokd")
        fixed = ours.stage.model_copy(update={"balance": {"student": Kind(kind="fixed")}})
        contenders = {"fixed": ours.step(ours.opened(ours.plain, stage=fixed), ours.batch)}
        for form in FORMS:
            one = self.ours({"preset": "mokd", "form": form})
            contenders[form] = one.step(one.opened(one.plain), ours.batch)
        found = Found("mokd", self.turns(contenders))
        for form, most in FORMS.items():
            found.cost(form, "fixed", most)
        return found

    def dfpt(self) -> Found:
        """Both paths and the student against Hinton's step, teacher live."""
        both = {name: self.ours(name) for name in ("hinton", "dfpt-kd")}
        batch = both["hinton"].batch
        found = Found(
            "dfpt-kd", self.turns({name: one.step(one.opened(one.plain), batch) for name, one in both.items()})
        )
        found.cost("dfpt-kd", "hinton", DFPT)
        return found

    def twin(self) -> Iterator[Found]:
        """FitNets' first stage against the same loss with both networks run to their logits."""
        for layer, preset in (("layer 2", HINTED), ("layer 1", LAYER_1)):
            ours = self.ours(preset, 0)
            stage, whole = ours.opened(ours.plain), ours.opened(ours.plain)
            for capture in whole._captures.values():
                capture._needs_output = True  # so that the pass goes on behind the deepest point
            contenders = {"twin": ours.step(whole, ours.batch), "ours": ours.step(stage, ours.batch)}
            found = Found(f"twin at {layer}", self.turns(contenders))
            computed = skipped(ours, preset["hint"])
            share = ratio([t / computed for t in found.times["twin"]], found.times["ours"])
            found.notes["computed from the work"] = round(computed, 3)
            found.aims.append(
                Aim.of(f"fitnet-1 at {layer}: of the computed {computed:.2f}", share, "at least", OF_COMPUTED)
            )
            yield found

    def loss(self, name: str) -> Found:
        """One distance, forward and backward, against RepDistiller's formulation."""
        features = said(self.ours("nst"), self.options)
        mine, theirs = distance(name), {"nst": pairwise_nst, "fsp": peers.pairwise_fsp}[name]
        ours: Callable[..., Tensor] = mine if name == "fsp" else lambda s, t: sum(map(mine, s, t), torch.zeros(()))
        values = [float(loss(*features).detach()) for loss in (ours, theirs)]
        contenders = {"RepDistiller": backward(theirs, *features), "ours": backward(ours, *features)}
        found = Found(f"{name}-loss", self.turns(contenders), notes={"ours / theirs": values[0] / values[1]})
        found.aim("RepDistiller", "ours", LOSSES)
        return found

    def of(self, name: str) -> Iterator[Found]:
        """The groups under one name."""
        match name:
            case "mokd":
                yield self.mokd()
            case "dfpt-kd":
                yield self.dfpt()
            case "twin":
                yield from self.twin()
            case "nst-loss" | "fsp-loss":
                yield self.loss(name.removesuffix("-loss"))
            case _:
                yield self.method(name)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=100, help="rounds")
    parser.add_argument("--warmup", type=int, default=3, help="rounds that do not count")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--pictures", type=int, default=1024, help="whose teacher outputs are kept")
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--auto", metavar="PRECISION,FORMAT", help="numerics of auto, instead of measuring them")
    parser.add_argument("--no-compile", dest="compile", action="store_false", help="without those with torch.compile")
    parser.add_argument("--methods", help=f"of {', '.join((*METHODS, *SPECIAL))}; all when left out")
    parser.add_argument("--json", type=Path, help="file for all numbers; written anew after each group")
    options = parser.parse_args()
    options.names = options.methods.split(",") if options.methods else [*METHODS, *SPECIAL]
    unknown = set(options.names) - {*METHODS, *SPECIAL}
    if unknown:
        parser.error(f"not measured here: {', '.join(sorted(unknown))}")
    return options


def written(options: argparse.Namespace, head: dict[str, Any], body: dict[str, Any]) -> None:
    if options.json is not None:
        options.json.write_text(json.dumps({**head, **body}, indent=1) + "\n")


def measured(options: argparse.Namespace, head: dict[str, Any]) -> list[Aim]:
    """All groups, printed one by one."""
    groups, aims = list[dict[str, Any]](), list[Aim]()
    with tempfile.TemporaryDirectory() as folder:
        measuring = Measuring(options, Path(folder))
        for name in options.names:
            for found in measuring.of(name):
                rates = matrix_rate(options.device)
                found.notes["matrix products, operations a second"] = rates
                print(shown(found, options.batch, rates), flush=True)
                groups.append(document(found))
                aims += found.aims
                written(options, head, {"groups": groups})
    return aims


def main() -> None:
    options = arguments()
    torch.set_num_threads(options.threads)
    asked = {name: getattr(options, name) for name in ("pairs", "threads", "batch", "pictures", "device")}
    head = {"machine": facts(options.device), "asked": asked}
    print(json.dumps(head, indent=1), flush=True)
    aims = measured(options, head)
    print("\n## Aims\n")
    print("\n".join(map(str, aims)))


if __name__ == "__main__":
    main()
