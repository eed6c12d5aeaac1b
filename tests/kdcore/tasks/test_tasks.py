"""Figures of tasks against figures worked out by hand and against scikit-learn's; sums of rows are all they need."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from judging import judged, qualified, task
from scipy import stats
from sklearn import metrics

from kdcore.measure import accuracy
from kdcore.spec.cards import TargetCard
from kdcore.tasks.spread import difference, interval, standard_error
from kdcore.tasks.verdict import verdict

LOGITS = torch.tensor([[0.9, 0.1], [0.2, 0.8], [0.7, 0.3]]).log()
LABELS = torch.tensor([0, 1, 1])


def regression(mean=(10.0,), std=(2.0,)):
    target = TargetCard(classes=tuple(f"y{i}" for i in range(len(mean))), mean=mean, std=std)
    return task(1, task="regression", target=target)


def multilabel(count):
    return task(count, task="multilabel")


def test_recall_of_each_class_and_none_for_a_class_without_examples():
    found = judged(torch.eye(3)[[0, 0, 1, 0]], torch.tensor([0, 0, 1, 1]), ["ok", "scratch", "dent"]).by_class()
    assert [(entry["name"], entry["examples"], entry["value"]) for entry in found] == [
        ("ok", 2, 1.0),
        ("scratch", 2, 0.5),
        ("dent", 0, None),
    ]


def test_quality_gathers_the_figures_of_one_network():
    found = qualified(LOGITS, LABELS, teacher=LOGITS)
    assert found.score == found.metrics["accuracy"] == accuracy(LOGITS, LABELS) == pytest.approx(2 / 3)
    assert found.interval[0] < 2 / 3 < found.interval[1]
    assert found.loss == pytest.approx(-(math.log(0.9) + math.log(0.8) + math.log(0.3)) / 3, abs=1e-6)
    assert (found.agreement_with_teacher, len(found.per_class)) == (1.0, 2)
    assert qualified(LOGITS, LABELS).agreement_with_teacher is None


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=8, max_size=60))
def test_figures_of_classes_are_those_of_scikit_learn(pairs):
    said, true = (torch.tensor(side) for side in zip(*pairs, strict=True))
    found = judged(torch.eye(4)[said], true).figures()
    assert float(found["accuracy"]) == pytest.approx(metrics.accuracy_score(true, said))
    assert float(found["matthews"]) == pytest.approx(metrics.matthews_corrcoef(true, said), abs=1e-9)
    present = sorted(set(true.tolist()) | set(said.tolist()))
    assert float(found["f1_macro"]) == pytest.approx(metrics.f1_score(true, said, labels=present, average="macro"))
    known = sorted(set(true.tolist()))
    recall = metrics.recall_score(true, said, labels=known, average="macro", zero_division=0)
    assert float(found["balanced_accuracy"]) == pytest.approx(recall)


def test_figures_of_several_labels_are_those_of_scikit_learn():
    stream = torch.Generator().manual_seed(0)
    answers = torch.randn(50, 5, generator=stream)
    targets = (torch.rand(50, 5, generator=stream) > 0.6).float()
    found = multilabel(5).judged(answers, targets).figures()
    said, true = (answers > 0).numpy(), targets.numpy() > 0.5
    assert float(found["f1_micro"]) == pytest.approx(metrics.f1_score(true, said, average="micro"))
    assert float(found["f1_macro"]) == pytest.approx(metrics.f1_score(true, said, average="macro"))
    assert float(found["exact_match"]) == pytest.approx(metrics.accuracy_score(true, said))
    assert float(found["label_accuracy"]) == pytest.approx((said == true).mean())


def test_regression_is_judged_in_the_units_of_its_targets():
    kind = regression()
    raw, answered = torch.tensor([[8.0], [12.0], [10.0]]), torch.tensor([[9.0], [12.0], [13.0]])
    found = kind.judged((answered - 10) / 2, kind.prepared(raw)).figures()
    assert float(found["rmse"]) == pytest.approx(math.sqrt(10 / 3))
    assert float(found["mae"]) == pytest.approx(4 / 3)
    assert float(found["r2"]) == pytest.approx(metrics.r2_score(raw.numpy(), answered.numpy()))


def test_a_constant_target_has_no_explained_variance():
    kind = regression()
    same = kind.prepared(torch.full((4, 1), 12.0))
    assert float(kind.judged(same + 0.5, same).figures()["r2"]) == 0
    assert kind.judged(same, same).by_class()[0]["value"] is None


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(-9, 9), st.integers(-9, 9)), min_size=5, max_size=40))
def test_correlations_are_those_of_scipy(pairs):
    kind, (answers, targets) = regression(), (torch.tensor(side).double()[:, None] for side in zip(*pairs, strict=True))
    found = kind.judged(answers, targets).figures()
    said, true = answers.numpy()[:, 0], targets.numpy()[:, 0]
    if len(set(said)) > 1 and len(set(true)) > 1:
        assert float(found["pearson"]) == pytest.approx(stats.pearsonr(said, true).statistic, abs=1e-6)
        assert float(found["spearman"]) == pytest.approx(stats.spearmanr(said, true).statistic, abs=1e-9)
    else:
        assert float(found["pearson"]) == float(found["spearman"]) == 0


def test_of_two_classes_the_second_is_the_positive_one():
    found = judged(torch.eye(2)[[1, 0, 1, 1]], torch.tensor([1, 1, 0, 1])).figures()
    assert float(found["f1_positive"]) == pytest.approx(metrics.f1_score([1, 1, 0, 1], [1, 0, 1, 1]))
    assert "f1_positive" not in judged(torch.eye(3), torch.arange(3)).figures()


def test_less_error_is_a_better_score():
    kind = regression()
    assert kind.score({"rmse": 1.0}) > kind.score({"rmse": 2.0})


def test_resampled_figures_are_those_of_the_repeated_examples():
    whole = judged(LOGITS, LABELS)
    weights = torch.tensor([[2.0, 0.0, 1.0], [0.0, 3.0, 0.0]], dtype=torch.float64)
    again = judged(LOGITS[[0, 0, 2]], LABELS[[0, 0, 2]])
    found = whole.figures(weights)
    assert found["accuracy"].tolist() == pytest.approx([float(again.figures()["accuracy"]), 1.0])
    assert float(found["f1_macro"][0]) == pytest.approx(float(again.figures()["f1_macro"]))


def normal(seed, count, scale):
    return scale * torch.randn(count, 1, generator=torch.Generator().manual_seed(seed))


def test_the_interval_of_an_error_has_the_width_that_theory_gives():
    kind, errors = regression((0.0,), (1.0,)), normal(0, 2000, 1)
    low, high = interval(kind.judged(errors, torch.zeros_like(errors)), "rmse")
    # The standard error of a normal's standard deviation is 1 / sqrt(2 n).
    assert (high - low) / 2 == pytest.approx(1.96 / math.sqrt(4000), rel=0.15)
    assert low < float(errors.square().mean().sqrt()) < high


def test_a_paired_difference_of_equal_answers_is_nothing():
    kind, errors = regression((0.0,), (1.0,)), normal(1, 200, 1)
    one = kind.judged(errors, torch.zeros_like(errors))
    found = difference(one, one, "rmse")
    assert (found.difference, found.interval, found.excludes_equality) == (0, (0, 0), False)


@pytest.mark.parametrize(("student", "outcome"), [(0.8, "better"), (1.2, "worse"), (1.0, "no difference")])
def test_the_verdict_on_an_error_knows_that_less_is_better(student, outcome):
    kind, errors = regression((0.0,), (1.0,)), normal(2, 400, 1)
    nothing = torch.zeros_like(errors)
    found = verdict(kind.judged(student * errors, nothing), kind.judged(errors, nothing))
    assert found.outcome == outcome
    assert found.metric == "rmse"
    assert "less is better" in found.text


def test_without_a_student_alone_there_is_no_verdict_on_an_error():
    kind, errors = regression((0.0,), (1.0,)), normal(3, 50, 1)
    found = verdict(kind.judged(errors, torch.zeros_like(errors)), None)
    assert (found.outcome, found.metric, found.difference) == ("no baseline", "rmse", None)
    assert "root mean squared error over 50 test examples" in found.text


def test_a_verdict_by_accuracy_counts_right_and_wrong_answers():
    right, wrong = torch.eye(2)[LABELS], torch.eye(2)[1 - LABELS]
    found = verdict(judged(right, LABELS), judged(wrong, LABELS))
    assert found.p_value is not None
    assert (found.metric, found.difference) == ("accuracy", 1.0)


def test_the_standard_error_of_an_accuracy_is_the_binomials():
    found = judged(LOGITS, LABELS)
    assert standard_error(found.task, found.rows, 0.5) == pytest.approx(math.sqrt(2 * 0.25 / 3))


def test_the_standard_error_of_an_error_is_about_its_bootstraps():
    kind, errors = regression((0.0,), (1.0,)), normal(4, 1000, 1)
    rows = kind.judged(errors, torch.zeros_like(errors)).rows
    assert standard_error(kind, rows, 1.0) == pytest.approx(math.sqrt(2) / math.sqrt(2000), rel=0.2)


def test_unknown_targets_are_blank():
    known = torch.tensor([1, 3])
    assert task(3).blanked(torch.tensor([0, 1, 2, 1]), known).tolist() == [-100, 1, -100, 1]
    blank = regression().blanked(torch.ones(4, 1), known)
    assert np.isnan(blank.numpy()).flatten().tolist() == [True, False, True, False]
