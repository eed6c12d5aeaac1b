"""The task of detection: answers, figures of every epoch and of the end, targets that turn with their pictures."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from kdcore.models import build
from kdcore.objective.distances import UNLABELLED
from kdcore.spec.cards import InputCard, TargetCard
from kdcore.spec.dataset_plan import Counts, DatasetPlan
from kdcore.spec.job import Splits
from kdcore.tasks import task_of
from kdcore.tasks.quality import quality
from kdcore.tasks.verdict import verdict

CLASSES = ("disc", "square", "ring")


def task():
    counts = Counts(train=8, validation=4, test=4)
    return task_of(
        DatasetPlan(
            name="shapes",
            path=None,
            task="detection",
            input=InputCard(kind="image", shape=(3, 64, 64)),
            target=TargetCard(classes=CLASSES, boxes=3),
            given=("train", "test"),
            splits=Splits(),
            limit=None,
            counts=counts,
        )
    )


def some(count=12, seed=0, shift=3.0):
    """Boxes, and detections that lie about on them."""
    stream = torch.Generator().manual_seed(seed)
    corner = 40 * torch.rand(count, 3, 2, generator=stream)
    size = 8 + 16 * torch.rand(count, 3, 2, generator=stream)
    kind = torch.randint(-1, 3, (count, 3, 1), generator=stream).float()
    targets = torch.cat([kind, corner, corner + size], 2)
    moved = targets[..., 1:] + shift * (torch.rand(count, 3, 4, generator=stream) - 0.5)
    return torch.cat([kind, moved, torch.rand(count, 3, 1, generator=stream)], 2), targets


def test_answers_are_the_detections_of_the_network():
    torch.manual_seed(0)
    network = build("detection/retinanet-tiny", 3, width=0.1).train()
    inputs = torch.randn(3, 3, 64, 64)
    answers = task().answers(network, inputs)
    assert answers.shape == (3, 100, 6)
    assert network.training
    found = network.eval().detections(network(inputs))[1]
    assert torch.equal(answers[1, : len(found.labels), 0], found.labels.float())
    assert torch.equal(answers[1, : len(found.labels), 1:5], found.boxes)


def test_detections_that_are_the_boxes_score_one_and_none_score_nothing():
    judge, (answers, targets) = task(), some(shift=0.0)
    figures = judge.judged(answers, targets).figures()
    assert {name: float(value) for name, value in figures.items()} == pytest.approx(
        {"map": 1, "map_50": 1, "map_75": 1}
    )
    assert float(judge.figures(judge.statistics(answers, targets).sum(0))["map_50"]) == pytest.approx(1)
    nothing = torch.full_like(answers, -1)
    assert float(judge.judged(nothing, targets).figures()["map"]) == 0
    assert float(judge.figures(judge.statistics(nothing, targets).sum(0))["map_50"]) == 0


def test_the_figure_of_every_epoch_is_near_that_of_the_end():
    judge, (answers, targets) = task(), some(200, shift=9.0)
    exact = float(judge.judged(answers, targets).figures()["map_50"])
    assert 0.2 < exact < 0.95
    assert float(judge.figures(judge.statistics(answers, targets).sum(0))["map_50"]) == pytest.approx(exact, abs=0.03)


def test_rows_of_parts_are_the_rows_of_the_whole():
    judge, (answers, targets) = task(), some()
    parts = [judge.statistics(answers[at], targets[at]) for at in (slice(0, 5), slice(5, 12))]
    assert torch.equal(torch.cat(parts), judge.statistics(answers, targets))


def test_an_interval_by_resampling_holds_the_figure_and_classes_have_their_own():
    judge, (answers, targets) = task(), some(40, shift=10.0)
    judged = judge.judged(answers, targets)
    found = quality(judge, judged, answers, targets)
    low, high = found.interval
    assert low < found.score < high
    assert [figure["name"] for figure in found.per_class] == list(CLASSES)
    assert sum(figure["value"] for figure in found.per_class) / 3 == pytest.approx(found.score)


def test_a_verdict_compares_two_detectors_on_the_same_pictures():
    judge, (good, targets) = task(), some(40, shift=2.0)
    poor, _ = some(40, shift=18.0)
    found = verdict(judge.judged(good, targets), judge.judged(poor, targets))
    assert found.outcome == "better"
    assert found.metric == "map"


def test_networks_that_say_the_same_are_alike_and_others_are_not():
    judge, (answers, _) = task(), some()
    answers[..., 5] = 0.9
    assert judge.alike(answers, answers) == 1
    moved = answers.clone()
    moved[0, :, 1:5] += 20
    moved[0, :, 0] = 1
    assert judge.alike(answers, moved) == pytest.approx(11 / 12)


def test_targets_that_the_learner_may_not_know_are_blank():
    judge, (_, targets) = task(), some()
    blank = judge.blanked(targets, torch.tensor([1, 4]))
    assert torch.equal(blank[1], targets[1])
    assert (blank[0, :, 0] == UNLABELLED).all()


@settings(deadline=None)
@given(st.integers(0, 30), st.lists(st.booleans(), min_size=5, max_size=5))
def test_boxes_turn_with_their_pictures_and_back(seed, chosen):
    judge, (_, targets) = task(), some(5, seed)
    picked = torch.tensor(chosen)
    turned = judge.turned(targets, picked, 64)
    assert torch.allclose(judge.turned(turned, picked, 64), targets, atol=1e-4)
    assert torch.equal(turned[~picked], targets[~picked])
    assert (turned[..., 3] >= turned[..., 1]).all()
    filling = targets[..., 0] < 0
    assert torch.equal(turned[filling], targets[filling])


def test_a_mirrored_picture_shows_what_its_mirrored_box_says():
    picture = torch.zeros(1, 1, 8, 8)
    picture[0, 0, 2:4, 1:6] = 1
    box = torch.tensor([[[0, 1.0, 2, 6, 4]]])
    _, x1, y1, x2, y2 = task().turned(box, torch.tensor([True]), 8)[0, 0].long().tolist()
    assert (picture.flip(-1)[0, 0, y1:y2, x1:x2] == 1).all()
