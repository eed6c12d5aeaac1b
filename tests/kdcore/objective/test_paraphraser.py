"""FT's paraphraser: an autoencoder on a frozen teacher's map."""

import copy

import pytest
import torch

from kdcore.errors import EngineError
from kdcore.models import build
from kdcore.objective.networks import fingerprint
from kdcore.objective.paths import build as path
from kdcore.objective.points import Capture
from kdcore.spec import SpecError

POINT = "stages.1.blocks.0"


@pytest.fixture
def teacher():
    torch.manual_seed(0)
    return build("resnet8", 5, width=0.5)


@pytest.fixture
def images():
    return torch.randn(4, 3, 16, 16, generator=torch.Generator().manual_seed(1))


def paraphraser(teacher, images, at=(POINT,), **options):
    torch.manual_seed(2)
    return path("paraphraser", teacher, options, at=at, sample=images[:2])


def test_its_factor_has_the_share_of_the_channels_and_its_reconstruction_all_of_them(teacher, images):
    piece = paraphraser(teacher, images, factor=0.25)
    with Capture(piece, ["factor", "reconstruction"]) as capture:
        seen = capture(images)
    assert seen["factor"].shape == (4, 4, 8, 8)
    assert seen["reconstruction"].shape == (4, 16, 8, 8)


def test_it_says_what_the_teacher_says_and_owns_nothing_of_it(teacher, images):
    piece = paraphraser(teacher, images)
    assert torch.equal(piece(images), teacher(images))
    assert {name.split(".")[0] for name in piece.state_dict()} == {"factor", "reconstruction"}


def test_the_teacher_runs_no_further_than_its_map(teacher, images):
    piece, calls = paraphraser(teacher, images), []
    teacher.head.register_forward_hook(lambda *_: calls.append("head"))
    teacher.stages[1].register_forward_hook(lambda *_: calls.append("stage"))
    with Capture(piece, ["reconstruction"]) as capture:
        capture(images)
    assert calls == []
    piece(images)
    assert calls == ["stage", "head"]


def test_it_learns_to_tell_the_map_again_and_leaves_the_teacher_as_it_was(teacher, images):
    piece = paraphraser(teacher, images)
    before, optimiser = fingerprint(teacher), torch.optim.Adam(piece.parameters(), lr=3e-3)
    losses = []
    with Capture(piece.train(), ["reconstruction"]) as own, Capture(teacher, [POINT]) as other:
        for _ in range(60):
            optimiser.zero_grad()
            loss = (own(images)["reconstruction"] - other(images)[POINT]).square().mean()
            loss.backward()
            optimiser.step()
            losses.append(loss.item())
    assert losses[-1] < 0.5 * losses[0]
    assert fingerprint(teacher) == before
    assert all(parameter.grad is None for parameter in teacher.parameters())


def test_the_teacher_may_be_captured_at_the_same_time(teacher, images):
    piece = paraphraser(teacher, images)
    with Capture(teacher, [POINT, "logits"]) as outer, Capture(piece, ["factor"]) as inner:
        seen, factor = outer(images), inner(images)["factor"]
        torch.testing.assert_close(factor, piece.factor(seen[POINT]))


def test_a_copy_and_a_loaded_one_say_the_same(teacher, images):
    piece = paraphraser(teacher, images)
    fresh = path("paraphraser", teacher, {}, at=(POINT,), sample=images[:2])
    fresh.load_state_dict(piece.state_dict())
    with torch.no_grad():
        feature = piece._feature(images)
        for other in (copy.deepcopy(piece), fresh):
            assert torch.equal(other.factor(feature), piece.factor(feature))


def test_without_a_place_it_takes_the_last_block(teacher, images):
    assert paraphraser(teacher, images, at=()).at == "stages.2.blocks.0"


def test_what_is_no_map_is_refused(teacher, images):
    with pytest.raises(ValueError, match=r"works on maps \[B, C, H, W\] \(pool gives \(2, 32\)\)"):
        paraphraser(teacher, images, at=("pool",))


def test_an_unknown_place_is_refused_with_the_nearest(teacher, images):
    with pytest.raises(EngineError, match=r"no layer 'stages.1.block'; nearest: stages.1"):
        paraphraser(teacher, images, at=("stages.1.block",))


def test_a_spec_that_paraphrases_no_map_is_refused_before_anything_runs(tiny_plan):
    vits = {"teacher": {"architecture": "vit-4", "width": 0.25}, "student": {"architecture": "vit-2", "width": 0.125}}
    with pytest.raises(SpecError, match=r"/method.*path 'paraphraser' acts on maps"):
        tiny_plan(method="ft", **vits)
