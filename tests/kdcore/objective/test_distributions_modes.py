"""KD2M's distances in every mode: marginal, class by class, and beside labels or logits."""

import pytest
import torch
from feature_samples import EVERY_MODE, FEATURES_ALONE, JOINT, LABELS, MODES, NAMES, cloud, logits, points

from kdcore.objective import distance
from kdcore.spec.rooms import BadPiece
from kdcore.spec.rooms.distributions import expected_per_class

SWAPPED = (points([0.0, 0.0], [10.0, 0.0]), points([10.0, 0.0], [0.0, 0.0]), torch.tensor([1, 2]))
SEEING = ["gaussian_wasserstein", "mmd", "sinkhorn", "sliced_wasserstein", "wasserstein"]


@pytest.mark.parametrize("name", SEEING)
def test_only_the_class_conditional_form_sees_a_label_swap(name):
    assert distance(name)(*SWAPPED).item() == pytest.approx(0, abs=1e-9)
    assert distance(name, given="class")(*SWAPPED).item() > 0.5


@pytest.mark.parametrize("name", ["gaussian_wasserstein", "sinkhorn", "wasserstein"])
def test_a_label_swap_of_ten_apart_costs_a_hundred_class_by_class(name):
    assert distance(name, given="class")(*SWAPPED).item() == pytest.approx(100)


@pytest.mark.parametrize("weight", [0.1, 0.4, 3, 40, 80])
def test_a_cost_on_logits_that_are_one_hot_is_that_of_the_labels(weight):
    said = torch.nn.functional.one_hot(SWAPPED[2]).double()
    context = {"student_logits": said, "teacher_logits": said}
    for relative, most in ((False, 100), (True, 1)):
        joint = distance("wasserstein", given="logits", label_weight=weight, relative=relative)
        assert joint(*SWAPPED, context=context).item() == pytest.approx(min(2 * weight, most))


def test_sinkhorn_beside_labels_comes_near_the_exact_joint_distance():
    for weight in (3, 80):
        smooth = distance("sinkhorn", given="label", label_weight=weight, relative=False, epsilon=0.1)
        assert smooth(*SWAPPED).item() == pytest.approx(min(2 * weight, 100), abs=0.2)


def test_a_kernel_on_labels_sees_a_label_swap():
    # Within a label there is one point each, ten apart: the mean distance of the four pooled points is 5.
    apart = torch.tensor(-100 / (2 * 5.0**2)).exp().item()
    assert distance("mmd", given="label")(*SWAPPED).item() == pytest.approx(1 - apart)
    assert distance("mmd", given="label", kernel="linear")(*SWAPPED).item() == pytest.approx(2 * 100 / 4)


def test_the_cost_between_logits_may_be_a_divergence_from_student_to_teacher():
    context = {"student_logits": points([0.0, 0.0]), "teacher_logits": points([0.0, 1.0])}
    half, heard = torch.tensor([0.5, 0.5]).double(), context["teacher_logits"].softmax(1)[0]
    expected = (half * (half / heard).log()).sum().item()
    joint = distance("wasserstein", given="logits", logit_cost="kl", label_weight=2)
    assert joint(points([1.0]), points([1.0]), context=context).item() == pytest.approx(2 * expected)


@pytest.mark.parametrize("name", ["sinkhorn", "wasserstein"])
@pytest.mark.parametrize("cost", ["euclidean", "kl"])
def test_the_joint_distance_teaches_the_student_s_logits_and_not_the_teacher_s(name, cost):
    context = {key: value.requires_grad_() for key, value in logits().items()}
    options = {"iterations": 500, "epsilon": 2} if name == "sinkhorn" else {}
    joint = distance(name, given="logits", logit_cost=cost, relative=False, **options)
    student, teacher = cloud(seed=1), cloud(seed=2)

    def loss(said):
        return joint(student, teacher, context={**context, "student_logits": said})

    loss(context["student_logits"]).backward()
    assert context["student_logits"].grad.abs().sum() > 0
    assert context["teacher_logits"].grad is None
    assert torch.autograd.gradcheck(loss, context["student_logits"], rtol=1e-2, atol=1e-4, fast_mode=True)


@pytest.mark.parametrize("name", NAMES)
def test_conditional_true_is_another_spelling_of_given_class(name):
    student, teacher = cloud(seed=1), cloud(seed=2)
    spelled = distance(name, conditional=True)(student, teacher, LABELS)
    assert torch.equal(spelled, distance(name, given="class")(student, teacher, LABELS))
    assert torch.equal(distance(name, conditional=False)(student, teacher), distance(name)(student, teacher))


@pytest.mark.parametrize("name", sorted(set(NAMES) - set(JOINT)))
@pytest.mark.parametrize("given", ["label", "logits"])
def test_a_distance_without_cost_or_kernel_refuses_the_joint_mode_and_says_which_have_one(name, given):
    with pytest.raises(BadPiece, match="wasserstein, sinkhorn or mmd"):
        distance(name, given=given)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"conditional": True, "given": "label"}, "conditional: true means given: class"),
        ({"conditional": "yes"}, "conditional is true or false"),
        ({"given": "joint"}, "'nothing', 'class', 'label' or 'logits'"),
    ],
)
def test_spellings_that_contradict_themselves_are_refused(options, message):
    with pytest.raises(BadPiece, match=message):
        distance("wasserstein", **options)


@pytest.mark.parametrize("given", ["class", "label", "logits"])
def test_what_a_mode_looks_at_has_to_be_there(given):
    missing = "student_logits, teacher_logits" if given == "logits" else "target"
    with pytest.raises(ValueError, match=f"needs {missing}"):
        distance("wasserstein", given=given)(cloud(), cloud())


@EVERY_MODE
def test_equal_batches_are_at_no_distance(name, options):
    student = cloud().requires_grad_()
    same = {"student_logits": cloud(seed=9), "teacher_logits": cloud(seed=9)}
    loss = distance(name, **options)(student, student.detach().clone(), LABELS, context=same)
    loss.backward()
    assert loss.item() == pytest.approx(0, abs=1e-6)
    assert student.grad.isfinite().all()


@pytest.mark.parametrize(("name", "options"), [mode for mode in MODES if mode[1].get("metric") != "diffusion"])
def test_the_gradient_is_the_finite_difference(name, options):
    # What follows the batch without gradient (a kernel's or a walk's width, a unit of the cost) would move in it.
    fixed = {"sinkhorn": {"iterations": 500, "relative": False, "epsilon": 2}, "mmd": {"kernel": "linear"}}
    fixed["wasserstein"] = {"relative": False}
    piece = distance(name, **{**options, **fixed.get(name, {})})
    student, teacher = cloud(seed=1).requires_grad_(), cloud(seed=2)

    def loss(rows):
        return piece(rows, teacher, LABELS, context=logits())

    assert torch.autograd.gradcheck(loss, student, rtol=1e-2, atol=1e-4, fast_mode=True)


def test_the_gradient_of_the_rbf_discrepancy_is_that_at_a_fixed_width():
    student, teacher = cloud(seed=1).requires_grad_(), cloud(seed=2)
    width = torch.cdist(*[torch.cat([student.detach(), teacher])] * 2).mean()

    def mean(a, b):
        return torch.exp(-(a[:, None] - b[None]).square().sum(2) / (2 * width**2)).mean()

    expected = mean(student, student) + mean(teacher, teacher) - 2 * mean(student, teacher)
    ours = distance("mmd")(student, teacher)
    torch.testing.assert_close(ours, expected)
    torch.testing.assert_close(*[torch.autograd.grad(loss, student)[0] for loss in (ours, expected)])


@EVERY_MODE
def test_the_order_of_the_teacher_s_batch_matters_only_where_labels_or_logits_go_with_it(name, options):
    student, teacher, context = cloud(seed=1), cloud(seed=2), logits()
    order = torch.randperm(12, generator=torch.Generator().manual_seed(3))
    if options["given"] == "class":
        order = torch.cat([(label == LABELS).nonzero().squeeze(1).flip(0) for label in range(3)])
    if options["given"] == "label":
        order = torch.tensor([3, 1, 2, 0, 8, 5, 4, 7, 6, 11, 9, 10])
    heard = {**context, "teacher_logits": context["teacher_logits"][order]}
    piece = distance(name, **options)
    first = piece(student, teacher, LABELS, context=context).item()
    assert piece(student, teacher[order], LABELS, context=heard).item() == pytest.approx(first, rel=1e-5)
    paired = distance("mse")
    assert paired(student, teacher[order]).item() != pytest.approx(paired(student, teacher).item(), rel=1e-2)


@pytest.mark.parametrize("name", [n for n in NAMES if n != "gaussian_kl"])
def test_exchanging_student_and_teacher_changes_nothing_class_by_class(name):
    options = {"iterations": 2000} if name == "sinkhorn" else {}
    piece, student, teacher = distance(name, given="class", **options), cloud(seed=1), cloud(seed=2)
    assert piece(student, teacher, LABELS).item() == pytest.approx(piece(teacher, student, LABELS).item(), rel=1e-5)


def test_classes_count_by_their_share_of_the_batch():
    student, teacher, piece = cloud(seed=1), cloud(seed=2), distance("wasserstein")
    parts = [piece(student[c == LABELS], teacher[c == LABELS]) * (c == LABELS).sum() / 12 for c in range(3)]
    torch.testing.assert_close(distance("wasserstein", given="class")(student, teacher, LABELS), sum(parts))


# Labels and logits keep their unit, and the divergence of Gaussians has none.
@pytest.mark.parametrize(("name", "options"), [mode for mode in FEATURES_ALONE if mode[0] != "gaussian_kl"])
@pytest.mark.parametrize("scale", ["none", "teacher"])
def test_a_scale_by_the_teacher_makes_the_weight_independent_of_the_features_unit(name, options, scale):
    piece, student, teacher = distance(name, scale=scale, **options), cloud(seed=1), cloud(seed=2)
    small, large = (piece(unit * student, unit * teacher, LABELS).item() for unit in (1, 7))
    unitless = scale == "teacher" or (name == "mmd" and options.get("kernel") != "linear")
    unitless = unitless or options.get("metric") in ("cosine", "diffusion")
    assert (small == pytest.approx(large, rel=1e-6)) == unitless


@pytest.mark.parametrize("name", NAMES)
def test_a_scale_by_dimension_divides_the_loss(name):
    student, teacher = cloud(seed=1), cloud(seed=2)
    whole, per_dimension = (distance(name, scale=scale)(student, teacher).item() for scale in ("none", "dimension"))
    assert per_dimension == pytest.approx(whole / 3)


def test_a_batch_of_64_in_100_classes_holds_less_than_one_of_each():
    assert expected_per_class(64, 100) == 0.64
