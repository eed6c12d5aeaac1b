"""Modules import only downward: the arrows of docs/architecture.md, held."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
OURS = {"kdcore", "store", "api", "worker", "distillery", "migrations"}
MAY_IMPORT = {
    "kdcore": set(),
    "store": {"migrations"},
    "migrations": {"store"},
    "api": {"store", "kdcore.spec"},
    "worker": {"store"},
    "distillery": set(),
}
ROOMS = [
    "spec", "models", "objective", "data", "generate", "distributed", "measure", "tasks", "train", "export", "report",
    "bring",
]  # fmt: skip
LOWER = {
    "spec": set(),
    "models": {"spec"},
    "objective": {"spec", "models"},
    "data": {"spec"},
    "generate": {"spec", "objective"},
    "distributed": {"spec", "objective", "data"},
    "measure": {"spec"},
    "tasks": {"spec", "objective", "data", "generate", "measure"},
    "train": {"spec", "objective", "data", "generate", "distributed", "measure", "tasks"},
    "export": {"spec", "measure", "models", "objective"},
    "report": {"spec", "measure", "export", "tasks"},
    "bring": {"spec", "data", "models", "measure"},
}
HEAVY = {"torch", "torchvision", "numpy", "sklearn", "onnx", "onnxruntime", "matplotlib"}


def imports(path):
    """Every module that a file names in an import, wherever in the file it stands."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def files(package):
    return sorted((ROOT / package).rglob("*.py"))


@pytest.mark.parametrize("package", sorted(OURS))
def test_a_package_imports_only_the_packages_below_it(package):
    allowed = {package, *MAY_IMPORT[package]}
    for path in files(package):
        for name in imports(path):
            if name.partition(".")[0] in OURS:
                assert any(name == a or name.startswith(a + ".") for a in allowed), f"{path} imports {name}"


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_of_the_engine_imports_only_the_rooms_below_it(room):
    for path in files(f"kdcore/{room}"):
        for name in imports(path):
            parts = name.split(".")
            if parts[0] == "kdcore" and len(parts) > 1 and parts[1] in ROOMS:
                assert parts[1] == room or parts[1] in LOWER[room], f"{path} imports {name}"


@pytest.mark.parametrize("package", ["kdcore/spec", "store", "api", "worker", "distillery", "migrations"])
def test_nothing_outside_the_engine_names_torch_and_its_kin(package):
    for path in files(package):
        assert not {name.partition(".")[0] for name in imports(path)} & HEAVY, path


@pytest.mark.parametrize("module", ["kdcore", "kdcore.spec", "api.main", "worker", "distillery"])
def test_importing_it_loads_no_torch(module):
    code = f"import sys, {module}; found = {HEAVY!r} & set(sys.modules); sys.exit(str(found) if found else 0)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_no_file_is_longer_than_600_lines():
    lines = {str(path): len(path.read_text().splitlines()) for package in OURS for path in files(package)}
    assert {path: count for path, count in lines.items() if count > 600} == {}
