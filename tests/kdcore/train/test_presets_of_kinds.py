"""Every preset trains networks for series and tables, or says at submission what it would need of them."""

import pytest
import tiny_packs
from stepping import Bench

import kdcore
from kdcore.objective.networks import fingerprint
from kdcore.spec import SpecError, methods

COMPANY = ("teacher-assistant", "several-teachers")
"""Presets whose further networks have to be named where the input is no picture."""

NETWORKS = {
    "convolutional": ("series", ("resnet1d-8", 0.5), ("resnet1d-8", 0.25)),
    "transformer": ("series", ("series-transformer-3", 0.25), ("series-transformer-2", 0.125)),
    "perceptron": ("table", ("mlp-4", 0.25), ("mlp-2", 0.125)),
}
WANT_POSITIONS = ("at", "nst", "ickd", "reviewkd", "cat-kd", "mgd", "fsp", "ft", "simkd", *("tinybert", "minilm"))
HERE = [info for info in methods() if info.name not in COMPANY and set(info.kinds) & set(NETWORKS)]
"""Without those that are for generators and detectors alone."""
TAUGHT = [(info.name, kind) for info in HERE for kind in info.kinds if kind in NETWORKS]
ROWS = [info.name for info in HERE if info.name not in (*WANT_POSITIONS, "minilm-v2")]


@pytest.fixture(scope="module")
def packs(tmp_path_factory):
    """A folder and a card for each kind of input."""
    folders = {kind: tmp_path_factory.mktemp(kind) for kind in ("series", "table")}
    return {kind: (folder, getattr(tiny_packs, kind)(folder)) for kind, folder in folders.items()}


def plan_of(packs, kind, method, **changes):
    given, teacher, student = NETWORKS[kind]
    sides = ({"architecture": name, "width": width} for name, width in (teacher, student))
    return tiny_packs.planned(*packs[given], *sides, method=method, **changes)


@pytest.mark.parametrize(("method", "kind"), [*TAUGHT, *((name, "perceptron") for name in ROWS)])
def test_two_steps_of_every_stage_move_the_learners_and_nothing_else(packs, method, kind):
    plan = plan_of(packs, kind, method)
    bench = Bench(lambda **_: plan)
    for number in range(len(bench.run.stages)):
        stage = bench.stage(number)
        before = {name: fingerprint(network) for name, network in bench.networks.items()}
        for step in range(2):
            losses = stage.step(bench.batch, stage.plan.epochs - 1, step)
            assert all(value.isfinite() for value in losses.values()), losses
        moved = {name for name, network in bench.networks.items() if fingerprint(network) != before[name]}
        assert moved == {learner.name for learner in stage.learners}
        stage.close()


@pytest.mark.parametrize("method", WANT_POSITIONS)
def test_a_method_that_looks_at_positions_refuses_perceptrons_when_it_is_submitted(packs, method):
    with pytest.raises(SpecError) as refused:
        plan_of(packs, "perceptron", method)
    assert {"maps_wanted", "positions_wanted", "unknown_layer"} & {one.code for one in refused.value.problems}


def test_further_networks_for_series_are_named_by_an_option(packs):
    with pytest.raises(SpecError, match="resnet14 takes pictures, the dataset has series"):
        plan_of(packs, "convolutional", "teacher-assistant")
    plan = plan_of(packs, "convolutional", {"preset": "teacher-assistant", "options": {"assistants": ["resnet1d-14"]}})
    assert "resnet1d-14" in {network.architecture for network in plan.networks.values()}


@pytest.mark.slow
@pytest.mark.parametrize("kind", NETWORKS)
def test_a_job_on_series_and_tables_runs_to_its_end_and_delivers(packs, kind, tmp_path):
    epochs = {"epochs": 2, "batch_size": 32, "schedule": {"name": "constant", "warmup_epochs": 0}}
    result = kdcore.run(plan_of(packs, kind, "hinton", training=epochs), tmp_path, lambda record: None)
    assert [one["verified"] for one in result.document["exports"]] == [True, True, True]
    assert set(result.document["models"]) == {"teacher", "alone", "student"}
