"""Peak memory of training: the bare loop, our stage with a live teacher, and with the teacher's outputs kept.

    .venv/bin/python bench/memory.py --threads 2 [--methods hinton,fitnet-1] [--json memory.json] [--device cuda]

Networks and batches are those of ``bench/engine.py``. Each contender takes some steps in a process of its own; the peak
is that of the process (resident set) on a CPU, of tensors on a GPU.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import peers
import torch
from contenders import METHODS, pair, stepping
from ours import Ours, random_data
from timing import Aim, Step, facts, table

KINDS = ("bare", "live", "cached")
MOST = 1.1
"""Of the bare loop's peak, beside what is kept."""
MIB = 2**20


def peak(kind: str, name: str, options: argparse.Namespace, workdir: Path) -> dict[str, float]:
    """This process's peak memory after some steps of one contender, and what it keeps, in MiB."""
    ours = Ours.of(METHODS[name].preset, METHODS[name].place, random_data(options.pictures), workdir, options)
    step, kept = contender(kind, name, ours)
    for number in range(options.steps):
        step(number)
    on_gpu = options.device == "cuda"
    most = torch.cuda.max_memory_allocated() if on_gpu else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {"peak": most / MIB, "kept": kept / MIB}


def contender(kind: str, name: str, ours: Ours) -> tuple[Step, int]:
    """Its step, and the bytes that it keeps."""
    if kind == "bare":
        by_hand = peers.bare(name)
        assert by_hand is not None
        return stepping(ours, by_hand.step(*pair(ours))), 0
    if kind == "live":
        return ours.step(ours.opened(ours.plain), ours.batch), 0
    cache = ours.cache(ours.plain)
    return ours.step(ours.opened(ours.plain, caches={"teacher": cache}), ours.batch), cache.layout.bytes


def in_process(kind: str, name: str, options: argparse.Namespace) -> dict[str, float]:
    """``peak`` of a process that does nothing else."""
    asked = {name: str(getattr(options, name)) for name in ("threads", "batch", "pictures", "device", "steps")}
    arguments = [part for option, value in asked.items() for part in (f"--{option}", value)]
    command = [sys.executable, __file__, "--child", kind, "--methods", name, *arguments]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def measured(name: str, options: argparse.Namespace) -> tuple[list[dict[str, Any]], list[Aim]]:
    """All contenders of one method."""
    found = {kind: in_process(kind, name, options) for kind in KINDS}
    aims = []
    for kind in KINDS[1:]:
        kept = found[kind]["kept"]
        what = f"{name}: peak memory of {kind} without the {kept:.0f} MiB kept / bare"
        aims.append(Aim(what, (found[kind]["peak"] - kept) / found["bare"]["peak"], "at most", MOST))
    return [{"method": name, "contender": kind, **one} for kind, one in found.items()], aims


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--methods", default="hinton,fitnet-1", help=f"of {', '.join(METHODS)}")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--pictures", type=int, default=1024, help="whose teacher outputs are kept")
    parser.add_argument("--steps", type=int, default=12, help="of each contender")
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--json", type=Path, help="file for all numbers")
    parser.add_argument("--child", choices=KINDS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    options.names = options.methods.split(",")
    unknown = set(options.names) - set(METHODS)
    if unknown:
        parser.error(f"not measured here: {', '.join(sorted(unknown))}")
    return options


def main() -> None:
    options = arguments()
    torch.set_num_threads(options.threads)
    if options.child:
        with tempfile.TemporaryDirectory() as folder:
            print(json.dumps(peak(options.child, options.names[0], options, Path(folder))))
        return
    machine, rows, aims = facts(options.device), list[dict[str, Any]](), list[Aim]()
    for name in options.names:
        found, promised = measured(name, options)
        rows += found
        aims += promised
    cells = [[row["method"], row["contender"], f"{row['peak']:.0f}", f"{row['kept']:.0f}"] for row in rows]
    print(table(["method", "contender", "peak MiB", "kept MiB"], cells))
    print("\n".join(map(str, ["\n## Aims\n", *aims])))
    if options.json is not None:
        document = {"machine": machine, "memory": rows, "aims": [aim.row() for aim in aims]}
        options.json.write_text(json.dumps(document, indent=1) + "\n")


if __name__ == "__main__":
    main()
