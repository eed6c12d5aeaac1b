"""Jobs on masks: pictures and masks are mirrored together, presets speak of pixels, and a student is delivered."""

import pytest
import tiny_packs
import torch
from stepping import Bench

import kdcore
from kdcore.data.batches import Batches
from kdcore.objective.networks import fingerprint
from kdcore.prepare import open_workshop
from kdcore.spec import SpecError
from kdcore.spec.training import Augment

TEACHER, STUDENT = {"architecture": "unet-3", "width": 0.5}, {"architecture": "unet-2", "width": 0.5}
CWD = {
    "stages": [
        {
            "name": "distil",
            "epochs": 4,
            "terms": [
                {"from": "labels", "distance": "pixel_cross_entropy"},
                {"points": "logits", "distance": {"kind": "cwd", "temperature": 4}, "weight": 5},
                {"points": "logits", "distance": "pixel_kl"},
            ],
        }
    ]
}


@pytest.fixture(scope="module")
def pack(tmp_path_factory):
    folder = tmp_path_factory.mktemp("masks")
    return folder, tiny_packs.masks(folder)


def planned(pack, method="hinton", **changes):
    return tiny_packs.planned(*pack, TEACHER, STUDENT, method=method, **changes)


@pytest.mark.parametrize("method", ["hinton", "fitnet", "layer-matching", "at", "mgd", "kd2m", "mokd", "ctkd"])
def test_two_steps_move_the_student_and_nothing_else(pack, method):
    plan = planned(pack, method)
    bench = Bench(lambda **_: plan)
    for number in range(len(bench.run.stages)):
        stage = bench.stage(number)
        before = {name: fingerprint(network) for name, network in bench.networks.items()}
        for step in range(2):
            losses = stage.step(bench.batch, stage.plan.epochs - 1, step)
            assert all(value.isfinite() for value in losses.values()), losses
        assert {name for name, one in bench.networks.items() if fingerprint(one) != before[name]} == {"student"}
        stage.close()


def test_hinton_s_terms_become_those_of_pixels(pack):
    (stage,) = planned(pack).run("distil").stages
    assert {term.distance.kind for term in stage.terms} == {"pixel_cross_entropy", "pixel_kl"}


@pytest.mark.parametrize("method", ["dkd", "nkd", "dist", "kd2m-conditional"])
def test_methods_about_one_class_a_picture_are_refused_when_they_are_submitted(pack, method):
    with pytest.raises(SpecError):
        planned(pack, method)


def test_channel_wise_distillation_at_the_logits_is_written_out_and_brings_its_loss_down(pack):
    bench = Bench(lambda **_: planned(pack, CWD))
    stage = bench.stage()
    losses = [float(stage.step(bench.batch, 3, 0)["loss"]) for _ in range(12)]
    stage.close()
    assert losses[-1] < losses[0]


def test_networks_of_torchvision_teach_networks_of_ours(pack):
    teacher = {"architecture": "torchvision/lraspp_mobilenet_v3_large"}
    plan = tiny_packs.planned(*pack, teacher, STUDENT, method=CWD)
    bench = Bench(lambda **_: plan)
    stage = bench.stage()
    assert all(value.isfinite() for value in stage.step(bench.batch, 3, 0).values())
    stage.close()


def test_a_classifier_is_refused_in_words(pack):
    with pytest.raises(SpecError, match="answers classification or multilabel or regression"):
        tiny_packs.planned(*pack, {"architecture": "resnet8"}, STUDENT)


def test_masks_are_mirrored_with_their_pictures(pack):
    workshop = open_workshop(planned(pack), None)
    train, task = workshop.data.train, workshop.task
    batches = Batches(
        train,
        train.targets,
        torch.arange(len(train)),
        steps=2,
        batch_size=32,
        seed=0,
        augment=Augment(flip=True),
        normalise=workshop.normalise,
        turn=task.turned,
    )
    plain = workshop.normalise(train.inputs)
    mirrored = 0
    for batch in batches.epoch(0):
        for at, place in enumerate(batch.index.tolist()):
            turned = torch.equal(batch.inputs[at], plain[place].flip(-1))
            assert turned or torch.equal(batch.inputs[at], plain[place])
            wanted = train.targets[place].flip(-1) if turned else train.targets[place]
            assert torch.equal(batch.targets[at], wanted)
            mirrored += turned
    assert 10 < mirrored < 54


@pytest.mark.slow
def test_a_job_on_masks_runs_to_its_end_and_learns(pack, tmp_path):
    training = {"epochs": 30, "batch_size": 16, "optimizer": {"name": "adamw", "lr": 0.01}, "augment": {"flip": True}}
    plan = tiny_packs.planned(*pack, {**TEACHER, "train": {"epochs": 20}}, STUDENT, training=training)
    result = kdcore.run(plan, tmp_path, lambda record: None)
    student = result.document["models"]["student"]
    assert student["metrics"]["miou"] > 0.9
    assert student["score"] == student["metrics"]["miou"]
    assert len(student["per_class"]) == 3
    assert [one["verified"] for one in result.document["exports"]] == [True, True, True]


def test_options_that_follow_the_dataset_are_refused_where_they_cannot_be_chosen(pack):
    with pytest.raises(SpecError, match="vocabulary follows the dataset: leave it out"):
        tiny_packs.planned(*pack, TEACHER, {**STUDENT, "options": {"vocabulary": 7}})
