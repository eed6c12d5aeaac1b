"""Say in one sentence why this machine cannot install Distillery, before pip spends minutes to find out."""

import argparse
import importlib.util
import shutil
import sys
from pathlib import Path


def problems(needed_gb: float, venv: Path) -> list[str]:
    """What is missing, each with its remedy; empty when the installation can start."""
    found = []
    if sys.version_info < (3, 11):  # noqa: UP036 - this file is for those whose Python is older
        have = ".".join(map(str, sys.version_info[:3]))
        found.append(f"Python 3.11 or newer is needed, this is {have}: make PYTHON=/path/to/python3.11 ...")
    if importlib.util.find_spec("ensurepip") is None or importlib.util.find_spec("venv") is None:
        found.append("Python's venv module is incomplete: on Debian or Ubuntu, apt-get install python3-venv")
    free_gb = shutil.disk_usage(venv.parent.resolve()).free / 1e9
    if not venv.exists() and free_gb < needed_gb:
        found.append(
            f"{needed_gb:.0f} GB of free disk are needed, {free_gb:.1f} GB are free: make room, "
            "or install PyTorch without CUDA (TORCH_INDEX=..., see README)"
        )
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--needed-gb", type=float, default=12)
    parser.add_argument("--venv", type=Path, default=Path(".venv"))
    options = parser.parse_args()
    found = problems(options.needed_gb, options.venv)
    for problem in found:
        print(problem, file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
