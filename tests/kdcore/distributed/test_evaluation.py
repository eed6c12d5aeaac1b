"""A split that several processes evaluate gives what one process finds, to the bit."""

import distributed_pieces as pieces
import pytest
from shared_steps import Training
from shared_validation import evaluated

from kdcore.distributed import Solo
from kdcore.train import validate


@pytest.mark.parametrize("count", [0, 1, 2, 5, 8])
def test_every_item_is_dealt_once_and_its_result_comes_back_in_its_place(pair, count):
    hands, results = zip(*pair(pieces.turns, count), strict=True)
    assert sorted([*hands[0], *hands[1]]) == list(range(count))
    assert abs(len(hands[0]) - len(hands[1])) <= 1
    assert list(results) == [[f"result {item}" for item in range(count)]] * 2


METHOD = {
    "stages": [
        {
            "name": "distil",
            "epochs": 4,
            "terms": [
                {"from": "labels", "distance": "cross_entropy"},
                {"points": "penultimate", "distance": "rkd"},
            ],
        }
    ]
}


@pytest.mark.parametrize("size", [10, 512])
def test_batches_that_do_not_divide_give_the_exact_accuracy_and_losses_of_one_process(tiny_plan, pair, size):
    plan = tiny_plan(method=METHOD)
    expected = evaluated(Solo(), plan, size)
    assert expected[1]["term.rkd.penultimate"] > 0
    assert pair(evaluated, plan, size) == [expected] * 2


def test_a_process_on_its_own_finds_what_validation_finds(tiny_plan):
    plan = tiny_plan(method=METHOD)
    accuracy, losses = evaluated(Solo(), plan, 512)
    training = Training(Solo(), plan)
    data = training.workshop.data.train
    pictures = data.take(range(75))
    given = pictures, training.workshop.normalise
    rows = validate.rows(training.networks["student"], training.workshop.task, *given)
    assert accuracy == float(training.workshop.task.figures(rows.sum(0))["accuracy"])
    assert losses == pytest.approx(validate.stage_losses(training.stage, *given, 0), rel=1e-6)
    training.stage.close()
