"""A queue of teacher features and moving moments: what they remember, when, and what the distances make of it."""

import pytest
import torch
from feature_samples import LABELS, NAMES, cloud, logits

from kdcore.objective import distance
from kdcore.spec.rooms import BadPiece

MOMENTS = ["coral", "gaussian_kl", "gaussian_wasserstein"]
REMEMBERING = [(name, {"queue": 20}) for name in NAMES] + [(name, {"moving": 0.9}) for name in MOMENTS]
REMEMBERING += [("gaussian_wasserstein", {"covariance": "full", "moving": 0.9})]
REMEMBERING += [(name, {"queue": 20, "given": "class"}) for name in NAMES]
REMEMBERING += [(name, {"queue": 20, "given": "label"}) for name in ("mmd", "sinkhorn", "wasserstein")]
REMEMBERING += [(name, {"queue": 20, "given": "logits"}) for name in ("mmd", "sinkhorn", "wasserstein")]
EVERY_MEMORY = pytest.mark.parametrize(("name", "options"), REMEMBERING)


def stepped(piece, steps, count=12):
    """``piece`` after so many steps on different batches."""
    for step in range(steps):
        piece(cloud(count, seed=50 + step), cloud(count, seed=80 + step), LABELS[:count], context=logits(count))
        piece.advance()
    return piece


def loss_of(piece, seed=1):
    return piece(cloud(seed=seed), cloud(seed=seed + 1), LABELS, context=logits()).item()


@EVERY_MEMORY
def test_only_advance_moves_what_is_remembered(name, options):
    piece = stepped(distance(name, **options), 2)
    before = {key: tensor.clone() for key, tensor in piece.state_dict().items()}
    first, second = loss_of(piece), loss_of(piece)
    assert first == second
    assert all(torch.equal(tensor, before[key]) for key, tensor in piece.state_dict().items())
    piece.advance()
    assert any(not torch.equal(tensor, before[key]) for key, tensor in piece.state_dict().items())


@EVERY_MEMORY
def test_without_an_earlier_step_the_loss_is_that_without_memory(name, options):
    plain = {key: value for key, value in options.items() if key not in ("queue", "moving")}
    assert loss_of(distance(name, **options)) == loss_of(distance(name, **plain))


@EVERY_MEMORY
@pytest.mark.parametrize("sized", [False, True])
def test_a_run_goes_on_with_the_same_loss_after_its_state_was_loaded(name, options, sized):
    piece, fresh = (distance(name, **options) for _ in range(2))
    if sized:
        for one in (piece, fresh):
            one.size((12, 3), (12, 3), 100)
    stepped(piece, 3)
    fresh.load_state_dict(piece.state_dict())
    assert loss_of(fresh) == loss_of(piece)
    for one in (piece, fresh):
        one.advance()
    assert loss_of(fresh, 5) == loss_of(piece, 5)


@EVERY_MEMORY
def test_state_is_loaded_into_modules_that_were_never_used_and_before_the_first_step(name, options):
    piece, fresh = (distance(name, **options) for _ in range(2))
    piece.size((12, 3), (12, 3), 100)
    fresh.load_state_dict(piece.state_dict())
    assert loss_of(stepped(fresh, 1)) == loss_of(stepped(piece, 1))


@EVERY_MEMORY
def test_memory_gives_a_finite_loss_and_gradient_for_every_size_of_batch(name, options):
    piece = stepped(distance(name, **options), 3, count=5)
    for count in (1, 2, 12):
        student = cloud(count, seed=1).requires_grad_()
        loss = piece(student, cloud(count, seed=2), LABELS[:count], context=logits(count))
        loss.backward()
        assert loss.isfinite()
        assert student.grad.isfinite().all()


@EVERY_MEMORY
def test_memory_of_float32_features_stays_float32(name, options):
    piece = distance(name, **options)
    student, teacher = cloud(seed=1, dtype=torch.float32), cloud(seed=2, dtype=torch.float32)
    for _ in range(2):
        loss = piece(student, teacher, LABELS, context=logits(dtype=torch.float32))
        piece.advance()
    assert loss.dtype == torch.float32
    assert all(tensor.dtype in (torch.float32, torch.int64) for tensor in piece.state_dict().values())


def test_a_queue_holds_the_newest_features_first_and_lets_the_oldest_fall_out():
    piece = distance("wasserstein", queue=5, given="class")
    batches = [torch.full((2, 1), float(number)) for number in range(4)]
    for number, rows in enumerate(batches):
        piece(rows, rows, torch.tensor([number, number]))
        piece.advance()
    assert piece.queue.rows.flatten().tolist() == [3, 3, 2, 2, 1]
    assert piece.queue.labels.tolist() == [3, 3, 2, 2, 1]


def test_a_batch_larger_than_the_queue_fills_it():
    piece = distance("wasserstein", queue=3)
    piece(cloud(8), cloud(8, seed=1))
    piece.advance()
    torch.testing.assert_close(piece.queue.rows, cloud(8, seed=1)[:3])


@pytest.mark.parametrize(("name", "options"), [("wasserstein", {"queue": 20}), ("gaussian_kl", {"moving": 0.9})])
def test_micro_batches_of_one_step_are_remembered_together_and_a_batch_seen_twice_once(name, options):
    whole, cut = distance(name, **options), distance(name, **options)
    teacher = cloud(8, seed=1)
    whole(cloud(8), teacher)
    for part in (slice(0, 4), slice(0, 4), slice(4, 8)):
        cut(cloud(8)[part], teacher[part])
    with torch.no_grad():
        cut(cloud(8), cloud(8, seed=9))  # a look at another batch that teaches nothing
    whole.advance()
    cut.advance()
    assert whole.state_dict().keys() == cut.state_dict().keys()
    for key, tensor in whole.state_dict().items():
        torch.testing.assert_close(tensor, cut.state_dict()[key])


def test_a_forward_that_is_never_followed_by_a_step_keeps_a_bounded_number_of_batches():
    piece = distance("mmd", queue=4, kernel="linear")
    for number in range(1100):
        rows = torch.full((1, 1), float(number))
        piece(rows, rows)
    piece.advance()
    assert piece.queue.rows.flatten().tolist()[0] == 1099 - 1023


def test_transport_to_a_queue_is_transport_to_all_of_its_features():
    piece = distance("wasserstein", queue=8)
    earlier, student, teacher = cloud(4, seed=3), cloud(4, seed=1), cloud(4, seed=2)
    piece(cloud(4), earlier)
    piece.advance()
    doubled = distance("wasserstein")(student.repeat_interleave(2, 0), torch.cat([teacher, earlier]))
    torch.testing.assert_close(piece(student, teacher), doubled)


def test_a_queue_feeds_each_class_with_its_own_features():
    piece = distance("mmd", kernel="linear", given="class", queue=8)
    earlier, labels = torch.tensor([[10.0], [20.0]]), torch.tensor([0, 1])
    piece(earlier, earlier, labels)
    piece.advance()
    # The teacher's class means are (0 + 10) / 2 and (0 + 20) / 2, the student's are 0.
    rows = torch.zeros(2, 1)
    assert piece(rows, rows, labels).item() == pytest.approx((25 + 100) / 2)


def test_moving_moments_follow_the_mixture_of_what_was_and_what_is():
    piece = distance("gaussian_wasserstein", moving=0.75)
    piece(torch.zeros(2, 1), torch.tensor([[0.0], [2.0]]))  # mean 1, variance 1
    piece.advance()
    # The mixture of 3/4 N(1, 1) and 1/4 N(5, 0): mean 2, variance 3/4 + 3/16 * 16 = 15/4.
    loss = piece(torch.zeros(2, 1), torch.tensor([[5.0], [5.0]]))
    assert loss.item() == pytest.approx(2**2 + 15 / 4)
    piece.advance()
    assert piece.moving.mean.item() == pytest.approx(2)
    assert piece.moving.spread.item() == pytest.approx(15 / 4)


@pytest.mark.parametrize("name", MOMENTS)
def test_moving_moments_come_nearer_to_the_teacher_s_than_a_batch_does(name):
    stream = torch.Generator().manual_seed(0)

    def drawn(count):
        return torch.randn(count, 4, generator=stream, dtype=torch.float64) * torch.tensor([1, 2, 3, 4]) + 1

    moving = distance(name, moving=0.95)
    for _ in range(200):
        rows = drawn(6)
        moving(rows, rows)
        moving.advance()
    student, plain = drawn(4000), distance(name)
    batches = [drawn(6) for _ in range(10)]
    with_memory = sum(moving(student, torch.cat([rows] * 667)[:4000]).item() for rows in batches)
    without = sum(plain(student, torch.cat([rows] * 667)[:4000]).item() for rows in batches)
    assert with_memory < without / 3


@pytest.mark.parametrize("options", [{"moving": 0.9, "queue": 4}, {"moving": 0.9, "given": "class"}, {"moving": 1}])
def test_moving_moments_refuse_what_they_cannot_follow(options):
    with pytest.raises(BadPiece, match=r"do not go with|less than 1"):
        distance("gaussian_kl", **options)
