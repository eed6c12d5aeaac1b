"""The engine's step against a handwritten loop, torchdistill and itself, in interleaved rounds of one process.

    .venv/bin/python bench/engine.py --threads 2 --pairs 100 --json engine.json [--methods hinton,nst] [--device cuda]
    .venv/bin/python bench/engine.py --memory --methods hinton,fitnet-1 --json memory.json

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

A speed-up is the time of the reference over that of the contender; see ``bench/timing.py`` for intervals. ``--memory``
measures peak memory instead: of processes (resident set) on a CPU, of tensors on a GPU.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import peers
import torch
from ours import EPOCHS, Ours, random_data
from timing import Aim, Step, Times, facts, in_turns, matrix_rate, ratio, table
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from kdcore.data.batches import Batch
from kdcore.objective import distance
from kdcore.spec.objective import Kind
from kdcore.train.cache import TeacherCache
from kdcore.train.machine import Machine

HINTED = {"preset": "fitnet", "guided": "stages.1", "hint": "stages.1"}
LAYER_1 = {"preset": "fitnet", "guided": "stages.0", "hint": "stages.0"}
REVIEW = {"to": [f"stages.{i}.blocks.0" for i in range(3)], "from": [f"stages.{i}.blocks.4" for i in range(3)]}
REVIEWED = {
    "stages": [
        {
            "name": "distil",
            "epochs": EPOCHS,
            "terms": [
                {"from": "labels", "distance": "cross_entropy"},
                {"points": REVIEW, "adapter": "fusion", "distance": "hcl", "weight": 5},
            ],
        }
    ]
}
"""The preset's own terms at the ends of the stages: by default it names every block of the teacher."""


@dataclass(frozen=True)
class Method:
    """What is measured under one name.

    Attributes:
        preset: the method as a spec has it.
        place: of the stage.
    """

    preset: Any
    place: int = -1


METHODS: dict[str, Method] = {
    "hinton": Method("hinton"),
    "fitnet-1": Method(HINTED, 0),
    "fitnet-2": Method(HINTED),
    "dkd": Method("dkd"),
    "reviewkd": Method(REVIEWED),
    "nst": Method("nst"),
    "fsp": Method({"preset": "fsp", "initial_share": 0}),
    "kd2m": Method("kd2m"),
}
"""Against the bare loop and torchdistill."""

FORMS = {"exact": 1.6, "cheap": 1.1, "amortised": 1.25}
"""Of MoKD: most that a step may cost beside one with fixed weights."""

AGAINST_TORCHDISTILL = {
    "hinton": {"cached": 2.3, "cached auto": 4.5, "live auto": 2.0},
    "fitnet-1": {"cached": 2.2, "cached auto": 4.0, "live auto": 2.0},
}
SPECIAL = ("mokd", "dfpt-kd", "twin", "nst-loss", "fsp-loss")
UNCACHED, OF_COMPUTED, LOSSES, DFPT, MEMORY = 0.98, 0.95, 20.0, 2.5, 1.1
MIB = 2**20


@dataclass
class Found:
    """What one group of contenders gave.

    Attributes:
        notes: what else is to be said.
        flops: floating-point operations of one step, by contender.
    """

    name: str
    times: Times
    aims: list[Aim] = field(default_factory=list)
    notes: dict[str, Any] = field(default_factory=dict)
    flops: dict[str, int] = field(default_factory=dict)

    def speed_up(self, reference: str, contender: str) -> Any:
        """None where one of them is missing."""
        if reference not in self.times or contender not in self.times:
            return None
        return ratio(self.times[reference], self.times[contender])

    def aim(self, reference: str, contender: str, least: float) -> None:
        """That ``contender`` is so many times as fast."""
        found = self.speed_up(reference, contender)
        if found is not None:
            self.aims.append(Aim.of(f"{self.name}: {reference} / {contender}", found, "at least", least))

    def cost(self, contender: str, reference: str, most: float) -> None:
        """That ``contender`` takes at most so many times the time."""
        found = ratio(self.times[contender], self.times[reference])
        self.aims.append(Aim.of(f"{self.name}: {contender} / {reference}", found, "at most", most))


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
        mine, theirs = distance(name), {"nst": _nst, "fsp": peers.pairwise_fsp}[name]
        ours: Callable[..., Tensor] = mine if name == "fsp" else lambda s, t: sum(map(mine, s, t), torch.zeros(()))
        values = [float(loss(*features).detach()) for loss in (ours, theirs)]
        contenders = {"RepDistiller": _backward(theirs, *features), "ours": _backward(ours, *features)}
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


def others(name: str, ours: Ours) -> dict[str, Step]:
    """The bare loop and torchdistill, on networks with the weights of ours."""
    found: dict[str, Step] = {}
    by_hand = peers.bare(name)
    if by_hand is not None:
        found["bare"] = _on(ours, by_hand.step(*pair(ours)))
    box = peers.torchdistill(name, *pair(ours))
    if box is not None:
        found["torchdistill"] = _on(ours, box)
    return found


def pair(ours: Ours) -> tuple[nn.Module, nn.Module]:
    """Student and teacher, as they come from the builder."""
    workshop = ours.workshop
    return workshop.fresh("student"), workshop.loaded("teacher", ours.workdir / "runs/teacher/weights.safetensors")


def _on(ours: Ours, step: Callable[[Tensor, Tensor], None]) -> Step:
    def stepped(number: int) -> None:
        batch: Batch = ours.batch(number)
        step(batch.images, batch.labels)

    return stepped


def machines(ours: Ours, auto: Machine, *, compiles: bool) -> dict[str, Machine]:
    """What the contenders' names end with, and the numerics that it stands for."""
    compiled = ours.compiled(auto) if compiles else None
    return {"": ours.plain, " auto": auto, **({} if compiled is None else {" auto compiled": compiled})}


def counted(call: Callable[[], object]) -> int:
    """Floating-point operations of convolutions and matrix products."""
    with FlopCounterMode(display=False) as counter:
        call()
    return int(counter.get_total_flops())


@torch.no_grad()
def skipped(ours: Ours, hint: str) -> float:
    """Work of the twin over ours: teacher once; student forward, and backward (twice that) as far as the hint."""

    def work(network: nn.Module) -> tuple[int, int]:
        layers = [network.stem, *network.stages[: int(hint[-1]) + 1]]  # type: ignore[index, misc]
        images = ours.images[:2]
        return counted(lambda: network(images)), counted(lambda: nn.Sequential(*layers)(images))

    student, teacher = (work(network.eval()) for network in pair(ours))
    return (teacher[0] + student[0] + 2 * student[1]) / (teacher[1] + 3 * student[1])


@torch.no_grad()
def said(ours: Ours, options: argparse.Namespace) -> tuple[list[Tensor], list[Tensor]]:
    """The ends of the stages of student and teacher, of one batch; those of the student want gradients."""
    images = ours.images[: options.batch]
    both = [peers.Heard(network.eval(), peers.ENDS)(images) for network in pair(ours)]
    student, teacher = ([one[path] for path in peers.ENDS] for one in both)
    return [x.requires_grad_() for x in student], teacher


def _nst(students: Sequence[Tensor], teachers: Sequence[Tensor]) -> Tensor:
    return sum(map(peers.pairwise_nst, students, teachers), torch.zeros((), device=teachers[0].device))


def _backward(loss: Callable[..., Tensor], students: Sequence[Tensor], teachers: Sequence[Tensor]) -> Step:
    return lambda number: torch.autograd.grad(loss(students, teachers), students)


# what is printed


def shown(found: Found, options: argparse.Namespace, rates: dict[str, float]) -> str:
    """A group as a table."""
    against = [name for name in ("torchdistill", "bare", "fixed", "hinton", "twin", "RepDistiller")
               if name in found.times]  # fmt: skip
    head = ["contender", "ms", "quartiles", "pictures/s", "of matmul", *(f"{name} / it" for name in against)]
    rows = []
    for name, times in found.times.items():
        low, middle, high = (1e3 * float(q) for q in torch.tensor(times).quantile(torch.tensor([0.25, 0.5, 0.75])))
        flops = found.flops.get(name)
        share = "" if flops is None else f"{flops / (middle / 1e3) / rates[_rate(found, name)]:.2f}"
        ratios = [str(found.speed_up(one, name)) for one in against]
        speed = f"{options.batch / (middle / 1e3):.0f}"
        rows.append([name, f"{middle:.1f}", f"{low:.1f} to {high:.1f}", speed, share, *ratios])
    notes = "\n".join(f"{name}: {json.dumps(value)}" for name, value in found.notes.items())
    return "\n".join([f"\n## {found.name}\n", table(head, rows), "", notes]).rstrip()


def _rate(found: Found, name: str) -> str:
    """The number type whose matrix rate counts for a contender."""
    return str(found.notes["auto"]["precision"]) if "auto" in name else "float32"


def document(found: Found) -> dict[str, Any]:
    """A group, JSON-ready."""
    references = [name for name in ("torchdistill", "bare", "fixed", "hinton", "twin", "RepDistiller")
                  if name in found.times]  # fmt: skip
    ratios = {
        f"{reference} / {name}": asdict(found.speed_up(reference, name))
        for reference in references
        for name in found.times
        if name != reference
    }
    rows = {"name": found.name, "ratios": ratios, "aims": [aim.row() for aim in found.aims]}
    return {**rows, "notes": found.notes, "flops a step": found.flops, "seconds": found.times}


# memory


def peak(kind: str, name: str, options: argparse.Namespace, workdir: Path) -> dict[str, float]:
    """This process's peak memory after some steps of one contender, and what it keeps, in MiB."""
    measuring = Measuring(options, workdir)
    ours = measuring.ours(METHODS[name].preset, METHODS[name].place)
    budget = 0
    if kind == "bare":
        by_hand = peers.bare(name)
        assert by_hand is not None
        step = _on(ours, by_hand.step(*pair(ours)))
    else:
        cache = ours.cache(ours.plain) if kind == "cached" else None
        budget = 0 if cache is None else cache.layout.bytes
        step = ours.step(ours.opened(ours.plain, caches=None if cache is None else {"teacher": cache}), ours.batch)
    for number in range(options.steps):
        step(number)
    on_gpu = options.device == "cuda"
    most = torch.cuda.max_memory_allocated() if on_gpu else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {"peak": most / MIB, "kept": budget / MIB}


def memory(names: Sequence[str], options: argparse.Namespace) -> tuple[list[dict[str, Any]], list[Aim]]:
    """Peak memory of each contender in a process of its own, against the bare loop's."""
    rows, aims = [], []
    for name in names:
        found = {kind: _in_process(kind, name, options) for kind in ("bare", "live", "cached")}
        rows += [{"method": name, "contender": kind, **one} for kind, one in found.items()]
        bare = found["bare"]["peak"]
        for kind in ("live", "cached"):
            beyond = found[kind]["peak"] - found[kind]["kept"]
            what = f"{name}: peak memory of {kind} without the {found[kind]['kept']:.0f} MiB kept / bare"
            aims.append(Aim(what, beyond / bare, "at most", MEMORY))
    return rows, aims


def _in_process(kind: str, name: str, options: argparse.Namespace) -> dict[str, float]:
    asked = {name: str(getattr(options, name)) for name in ("threads", "batch", "pictures", "device", "steps")}
    arguments = [part for option, value in asked.items() for part in (f"--{option}", value)]
    command = [sys.executable, __file__, "--child", kind, "--methods", name, *arguments]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


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
    parser.add_argument("--memory", action="store_true", help="peak memory instead of time")
    parser.add_argument("--steps", type=int, default=12, help="of each contender with --memory")
    parser.add_argument("--json", type=Path, help="file for all numbers; written anew after each group")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    options = parser.parse_args()
    options.names = options.methods.split(",") if options.methods else _all(options)
    unknown = set(options.names) - {*METHODS, *SPECIAL}
    if unknown or (options.memory and set(options.names) - set(METHODS)):
        parser.error(f"not measured here: {', '.join(sorted(unknown or set(options.names) - set(METHODS)))}")
    return options


def _all(options: argparse.Namespace) -> list[str]:
    return ["hinton", "fitnet-1"] if options.memory else [*METHODS, *SPECIAL]


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
                print(shown(found, options, rates), flush=True)
                groups.append(document(found))
                aims += found.aims
                written(options, head, {"groups": groups})
    return aims


def main() -> None:
    options = arguments()
    torch.set_num_threads(options.threads)
    if options.child:
        with tempfile.TemporaryDirectory() as folder:
            print(json.dumps(peak(options.child, options.names[0], options, Path(folder))))
        return
    asked = {name: getattr(options, name) for name in ("pairs", "threads", "batch", "pictures", "device")}
    head = {"machine": facts(options.device), "asked": asked}
    print(json.dumps(head, indent=1), flush=True)
    if options.memory:
        rows, aims = memory(options.names, options)
        cells = [[r["method"], r["contender"], f"{r['peak']:.0f}", f"{r['kept']:.0f}"] for r in rows]
        print(table(["method", "contender", "peak MiB", "kept MiB"], cells))
        written(options, head, {"memory": rows, "aims": [aim.row() for aim in aims]})
    else:
        aims = measured(options, head)
    print("\n## Aims\n")
    print("\n".join(map(str, aims)))


if __name__ == "__main__":
    main()
