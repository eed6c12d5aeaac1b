"""Early stopping: when a stage has not become better for long enough, and not before."""

import math

from hypothesis import given
from hypothesis import strategies as st

from kdcore.spec.training import EarlyStopping
from kdcore.train.stopping import Stopping

SCORES = st.lists(st.sampled_from([0.1, 0.2, 0.2005, 0.5, math.nan]), max_size=20)


def ends(scores, stopping=None, first=1, **options):
    """The epoch after which the stage ends, with the facts; None when it goes to its end."""
    made = stopping or Stopping(EarlyStopping(**options))
    for epoch, score in enumerate(scores, first):
        facts = made.look(score, epoch)
        if facts is not None:
            return epoch, facts
    return None


def test_a_stage_ends_when_its_patience_is_over():
    epoch, facts = ends([0.5, 0.6, 0.6, 0.55, 0.9], patience=2)
    assert epoch == 4
    assert facts == {"epoch": 4, "best": 0.6, "best_epoch": 2, "patience": 2, "min_delta": 0.0}


def test_a_stage_that_keeps_getting_better_goes_to_its_end():
    assert ends([0.1 * i for i in range(9)], patience=1) is None


def test_small_steps_do_not_count_but_add_up():
    assert ends([0.50, 0.504, 0.508, 0.512, 0.516], patience=3, min_delta=0.01) is None
    assert ends([0.50, 0.504, 0.508, 0.512, 0.516], patience=2, min_delta=0.01)[0] == 3


def test_losses_count_as_negative_scores():
    assert ends([-3.0, -2.0, -2.5, -2.4], patience=2)[0] == 4


def test_a_score_that_is_no_number_is_never_the_best():
    assert ends([math.nan, 0.1, math.nan, 0.2, math.nan, math.nan], patience=2)[0] == 6
    assert ends([math.nan, math.nan], patience=2)[1]["best"] is None


@given(SCORES, st.integers(1, 5), st.sampled_from([0.0, 0.001]), st.integers(0, 20))
def test_taken_up_from_its_state_it_goes_on_as_if_nothing_had_happened(scores, patience, delta, cut):
    options = EarlyStopping(patience=patience, min_delta=delta)
    first, second = Stopping(options), Stopping(options)
    undisturbed = ends(scores, Stopping(options))
    ended = ends(scores[:cut], first)
    second.restore(first.state())
    assert (ended or ends(scores[cut:], second, first=cut + 1)) == undisturbed


@given(SCORES, st.integers(1, 5))
def test_more_patience_never_ends_a_stage_earlier(scores, patience):
    short, long = ends(scores, patience=patience), ends(scores, patience=patience + 1)
    assert long is None or short[0] < long[0]
