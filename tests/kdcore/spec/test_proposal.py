"""Students chosen within a budget: the largest that fits, of the teacher's family where one does, with the reasons."""

import time

import pytest

from kdcore.spec import SpecError, parse_spec, plan

SPEC = {
    "name": "auto",
    "dataset": {"name": "digits"},
    "teacher": {"architecture": "resnet20", "train": {"epochs": 2}},
    "method": "hinton",
    "training": {"epochs": 2, "batch_size": 32},
}


def planned(**auto):
    return plan(parse_spec({**SPEC, "student": {"auto": auto}}))


def test_the_largest_of_the_teacher_s_family_within_the_budget_is_taken():
    job = planned(params_at_most=50_000)
    assert job.auto.architecture.startswith("resnet")
    chosen = job.auto.candidates[0]
    assert chosen.chosen
    assert chosen.parameters <= 50_000
    assert "teacher's family 'resnet'" in chosen.reason
    same = [one for one in job.auto.candidates if one.family == "resnet" and one.fits]
    assert all(one.parameters <= chosen.parameters for one in same)
    assert job.networks["student"].parameters == chosen.parameters
    assert job.spec.student.architecture == chosen.architecture


def test_what_does_not_fit_says_why():
    job = planned(params_at_most=50_000)
    refused = [one for one in job.auto.candidates if not one.fits]
    assert all("at most 5e+04" in one.reason or "teacher" in one.reason for one in refused)
    assert job.auto.considered > len(job.auto.candidates)


def test_bytes_are_four_a_parameter_and_latency_is_an_estimate():
    job = planned(bytes_at_most=100_000, latency_ms_at_most=1)
    chosen = job.auto.candidates[0]
    assert chosen.bytes == 4 * chosen.parameters <= 100_000
    assert chosen.latency_ms <= 1
    assert "estimate" in job.auto.assumes


def test_a_student_has_fewer_parameters_than_its_teacher():
    assert (
        planned(params_at_most=10**9).networks["student"].parameters
        < planned(params_at_most=10**9).networks["teacher"].parameters
    )


def test_another_family_is_taken_where_the_teacher_s_is_too_large():
    spec = {**SPEC, "teacher": {"architecture": "vit-4", "train": {"epochs": 2}}}
    job = plan(parse_spec({**spec, "student": {"auto": {"params_at_most": 6_000}}}))
    assert "none of the teacher's family 'vit' fits" in job.auto.candidates[0].reason


def test_a_budget_for_nothing_is_refused_with_the_smallest():
    with pytest.raises(SpecError, match=r"the smallest network for this dataset is .* allow more") as caught:
        planned(params_at_most=10)
    assert caught.value.problems[0].pointer == "/student/auto"


@pytest.mark.parametrize("student", [{}, {"auto": {}}, {"auto": {"params_at_most": 5}, "width": 0.5}])
def test_a_student_is_named_or_given_a_budget(student):
    with pytest.raises(SpecError):
        parse_spec({**SPEC, "student": student})


def test_a_plan_s_spec_gives_the_same_plan_again():
    job = planned(params_at_most=50_000)
    again = plan(parse_spec(job.spec.model_dump(mode="json", by_alias=True)))
    assert again.networks == job.networks


def test_a_proposal_takes_seconds_at_most():
    began = time.monotonic()
    planned(params_at_most=60_000)
    assert time.monotonic() - began < 5
