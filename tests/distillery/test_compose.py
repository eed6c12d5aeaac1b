"""docker-compose.yml and Dockerfile: what they promise, and every command run as a process in compose's environment."""

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import yaml
from servers import Postgres, Redis, free_port, unavailable, wait_until

from distillery import Client

ROOT = Path(__file__).parents[2]
OURS = ("migrate", "api", "worker", "worker-gpu")


def interpolate(value: Any) -> Any:
    """Compose's own substitution with nothing set: `${NAME:-default}` is its default, `$$` is a dollar."""
    if isinstance(value, dict):
        return {name: interpolate(item) for name, item in value.items()}
    if isinstance(value, list):
        return [interpolate(item) for item in value]
    if isinstance(value, str):
        return re.sub(r"\$(?:\{\w+:-([^}]*)\}|(\$))", lambda found: found[1] or found[2] or "", value)
    return value


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    return dict(interpolate(yaml.safe_load((ROOT / "docker-compose.yml").read_text())))


@pytest.fixture(scope="module")
def dockerfile() -> str:
    return (ROOT / "Dockerfile").read_text().replace("\\\n", " ")


def stage(dockerfile: str, name: str) -> str:
    return re.split(rf"^FROM \S+ AS {name}$", dockerfile, flags=re.MULTILINE)[1].split("\nFROM ")[0]


def needs(compose: dict[str, Any], service: str) -> dict[str, str]:
    return {name: how["condition"] for name, how in compose["services"][service].get("depends_on", {}).items()}


def test_everybody_waits_for_the_migration_and_the_migration_for_postgres(compose: dict[str, Any]) -> None:
    assert needs(compose, "migrate") == {"postgres": "service_healthy"}
    for service in ("api", "worker", "worker-gpu"):
        assert needs(compose, service) == {
            "migrate": "service_completed_successfully",
            "redis": "service_healthy",
        }
    assert compose["services"]["migrate"]["restart"] == "no"


def test_the_cpu_worker_is_the_default_and_the_gpu_worker_a_profile_with_a_reservation(compose: dict[str, Any]) -> None:
    assert {name for name, service in compose["services"].items() if "profiles" in service} == {"worker-gpu"}
    gpu = compose["services"]["worker-gpu"]
    assert gpu["profiles"] == ["gpu"]
    (device,) = gpu["deploy"]["resources"]["reservations"]["devices"]
    assert (device["driver"], device["capabilities"]) == ("nvidia", ["gpu"])
    assert gpu["environment"]["DISTILLERY_RESOURCE_CLASSES"] == "gpu"
    assert compose["services"]["worker"]["environment"]["DISTILLERY_RESOURCE_CLASSES"] == "cpu"


def test_what_runs_for_long_has_a_health_check(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        assert ("test" in service["healthcheck"]) == (name != "migrate")


def test_our_containers_are_nobody_and_write_only_where_they_must(compose: dict[str, Any]) -> None:
    for name in OURS:
        service = compose["services"][name]
        assert service["user"] == "10001:10001"
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert service["init"] is True
    for service in compose["services"].values():
        assert service["read_only"] is True
        named = [volume.split(":")[0] for volume in service.get("volumes", [])]
        assert set(named) <= set(compose["volumes"])


def test_only_the_api_can_be_reached_and_only_from_this_machine(compose: dict[str, Any]) -> None:
    ports = {name: service["ports"] for name, service in compose["services"].items() if "ports" in service}
    assert ports == {"api": ["127.0.0.1:8400:8400"]}


def test_no_secret_is_written_down(compose: dict[str, Any], dockerfile: str) -> None:
    assert all(set(secret) == {"file"} for secret in compose["secrets"].values())
    for service in compose["services"].values():
        for name, value in (service.get("environment") or {}).items():
            if re.search("SECRET|PASSWORD|KEY", name):
                assert value is None or str(value).startswith("/run/secrets/")
    assert not re.search(r"^(ARG|ENV).*(SECRET|PASSWORD|TOKEN|_KEY)", dockerfile, flags=re.MULTILINE | re.IGNORECASE)


def test_the_api_image_has_no_torch(dockerfile: str, compose: dict[str, Any]) -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]

    def packages(extra: str) -> set[str]:
        found = set()
        for requirement in extras[extra]:
            inner = re.match(r"distillery\[([\w,]+)\]", requirement)
            names = inner[1].split(",") if inner else []
            found |= {p for name in names for p in packages(name)} or {re.split(r"[\[<>=~ ]", requirement)[0]}
        return found

    assert "pip install '.[api]'" in stage(dockerfile, "api-build")
    assert "COPY --from=api-build /opt/venv" in stage(dockerfile, "api")
    assert "fastapi" in packages("api")
    assert not {"torch", "torchvision", "onnxruntime"} & packages("api")
    assert "torch" in packages("worker")
    for service in ("api", "migrate"):
        assert compose["services"][service]["build"]["target"] == "api"


def test_both_images_run_as_nobody_and_know_when_they_are_ill(dockerfile: str, compose: dict[str, Any]) -> None:
    assert "USER 10001:10001" in stage(dockerfile, "base")
    for name in ("api", "worker"):
        image = stage(dockerfile, name)
        assert dockerfile.count(f"FROM base AS {name}\n") == 1
        assert "USER" not in image
        assert "HEALTHCHECK" in image
        command = json.loads(re.findall(r"^CMD (\[.*\])$", image, flags=re.MULTILINE)[-1])
        assert command == compose["services"][name]["command"]
    check = json.loads(re.findall(r"CMD (\[.*\])$", stage(dockerfile, "worker"), flags=re.MULTILINE)[0])
    assert check == compose["services"]["worker"]["healthcheck"]["test"][-4:]


def test_the_images_get_every_package_and_nothing_else(dockerfile: str) -> None:
    include = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]["find"]["include"]
    packages = {name.rstrip("*") for name in include}
    copied = set(re.findall(r"^COPY (\w+) \1$", stage(dockerfile, "api-build"), flags=re.MULTILINE))
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert copied == packages
    assert allowed == packages | {"pyproject.toml", "README.md", "LICENSE"}


@pytest.mark.servers
def test_compose_itself_accepts_the_file(tmp_path: Path) -> None:
    binary = shutil.which("docker-compose")
    if binary is None:
        unavailable("docker-compose is missing: apt install docker-compose")
    command = [binary, "--file", str(ROOT / "docker-compose.yml"), "config", "--quiet"]
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    for profile in ([], ["--profile", "gpu"]):
        done = subprocess.run([*command[:1], *profile, *command[1:]], capture_output=True, text=True, env=environment)
        assert done.returncode == 0, done.stderr


class Machine:
    """Stands in for Docker: runs a service's entrypoint and command with its environment, on this machine's ports."""

    def __init__(self, compose: dict[str, Any], folder: Path, postgres: Postgres, redis: Redis) -> None:
        self.compose, self.folder = compose, folder
        self.api_port = free_port()
        (folder / "secrets").mkdir()
        (folder / "secrets" / "server_secret").write_text("0123456789abcdef" * 4 + "\n")
        (folder / "secrets" / "postgres_password").write_text("fedcba9876543210\n")
        self.places = {
            "/run/secrets": str(folder / "secrets"),
            "/var/lib/distillery": str(folder / "home"),
            "/data": str(folder / "data"),
            "@postgres:5432": f"@127.0.0.1:{postgres.port}",
            "redis://redis:6379": f"redis://127.0.0.1:{redis.port}",
            "0.0.0.0": "127.0.0.1",
            "8400": str(self.api_port),
        }

    def here(self, text: str) -> str:
        for there, place in self.places.items():
            text = text.replace(there, place)
        return text

    def environment(self, service: str) -> dict[str, str]:
        """Only what compose gives, and PATH, where the image has its virtual environment."""
        given = self.compose["services"][service]["environment"]
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        named = {name: self.here(value) for name, value in given.items() if value is not None}
        return {"PATH": path, "OMP_NUM_THREADS": "1", **named}

    def command(self, service: str, command: list[str] | None = None) -> list[str]:
        facts = self.compose["services"][service]
        return [self.here(word) for word in (*facts["entrypoint"], *(command or facts["command"]))]

    def run(self, service: str, command: list[str] | None = None) -> subprocess.CompletedProcess[str]:
        """`docker compose run --rm SERVICE [COMMAND]`."""
        return subprocess.run(
            self.command(service, command), env=self.environment(service), capture_output=True, text=True, timeout=120
        )

    def start(self, service: str) -> subprocess.Popen[bytes]:
        with (self.folder / f"{service}.log").open("wb") as log:
            return subprocess.Popen(
                self.command(service), env=self.environment(service), stdout=log, stderr=log, start_new_session=True
            )

    def healthy(self, service: str) -> bool:
        kind, *command = self.compose["services"][service]["healthcheck"]["test"]
        assert kind == "CMD"
        words = [self.here(word) for word in command]
        return subprocess.run(words, env=self.environment(service), capture_output=True, timeout=60).returncode == 0

    def log(self, service: str) -> str:
        return (self.folder / f"{service}.log").read_text(errors="replace")[-3000:]


@pytest.fixture
def machine(compose: dict[str, Any], tmp_path: Path, postgres: Postgres, redis: Redis) -> Iterator[Machine]:
    """Compose's two servers under their compose names and accounts; ours are for the test to start."""
    postgres.execute("CREATE ROLE distillery LOGIN PASSWORD 'fedcba9876543210'")
    postgres.execute("CREATE DATABASE distillery OWNER distillery")
    yield Machine(compose, tmp_path, postgres, redis)
    postgres.execute("DROP DATABASE distillery WITH (FORCE)")
    postgres.execute("DROP ROLE distillery")


@pytest.mark.servers
@pytest.mark.slow
def test_every_service_starts_in_compose_order_becomes_healthy_and_stops_in_time(machine: Machine) -> None:
    services = machine.compose["services"]
    migrated = machine.run("migrate")
    assert migrated.returncode == 0, migrated.stderr
    assert "fedcba9876543210" not in migrated.stdout + migrated.stderr
    made = machine.run("api", shlex.split("python -P -m api create-key --name admin"))
    assert made.returncode == 0, made.stderr
    with ExitStack() as running:
        started = {}
        for service in ("api", "worker", "worker-gpu"):
            started[service] = machine.start(service)
            running.callback(_end, started[service])
        for service, process in started.items():
            wait_until(lambda s=service: machine.healthy(s) or _gone(started[s]), f"{service}: healthy", 90)
            assert process.poll() is None, machine.log(service)
        with Client(f"http://127.0.0.1:{machine.api_port}", made.stdout.strip()) as client:
            names = (name for worker in client.workers() for name in worker["resource_classes"])
            classes = sorted({name.partition("-")[0] for name in names})
            assert classes == ["cpu", "gpu"]
            job = client.submit({"name": "a", "dataset": {"name": "digits"}, "student": {"architecture": "resnet8"},
                                 "method": "student-alone", "training": {"epochs": 1}, "baseline": False})  # fmt: skip
            client.cancel(job["id"])
            assert client.wait(job["id"])["status"] == "cancelled"
        for service in ("worker", "worker-gpu", "api"):
            started[service].send_signal(signal.SIGTERM)
            grace = int(str(services[service]["stop_grace_period"]).removesuffix("s"))
            assert started[service].wait(grace) == 0, machine.log(service)
        assert not machine.healthy("api")
        assert not machine.healthy("worker")
    logs = "".join(machine.log(service) for service in started)
    assert "fedcba9876543210" not in logs


@pytest.mark.servers
@pytest.mark.slow
def test_an_api_before_the_migration_says_that_it_is_not_ready(machine: Machine) -> None:
    process = machine.start("api")
    try:
        wait_until(lambda: "listening" in machine.log("api") or _gone(process), "the API")
        assert process.poll() is None, machine.log("api")
        assert not machine.healthy("api")
        assert machine.run("migrate").returncode == 0
        wait_until(lambda: machine.healthy("api"), "the API's health", 30)
    finally:
        _end(process)


def _gone(process: subprocess.Popen[bytes]) -> bool:
    return process.poll() is not None


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.kill()
        process.wait()
