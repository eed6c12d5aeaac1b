"""ReviewKD's fusion: deep layers reviewed at every shallower one."""

import pytest
import torch
from learned_parts import noise

from kdcore.objective import adapter

STUDENTS = [noise(2, 4, 8, 8), noise(2, 6, 4, 4), noise(2, 8, 2, 2)]
TEACHERS = [noise(2, c, n, n, seed=i) for i, (c, n) in enumerate([(5, 8)] * 3 + [(7, 4)] * 3 + [(9, 2)] * 3)]


def fusion(students=STUDENTS, teachers=TEACHERS, **options):
    torch.manual_seed(0)
    shapes = ([tuple(one.shape) for one in side] for side in (students, teachers))
    return adapter("fusion", *shapes, **options).double()


def test_every_student_layer_gets_the_shape_of_the_stage_end_that_it_follows():
    own, followed = fusion(pooled=False)(STUDENTS, TEACHERS)
    assert [tuple(one.shape) for one in own] == [(2, 5, 8, 8), (2, 7, 4, 4), (2, 9, 2, 2)]
    assert all(one is TEACHERS[i] for one, i in zip(followed, (2, 5, 8), strict=True))


def test_the_averaged_last_map_is_one_more_layer():
    own, followed = fusion()(STUDENTS, TEACHERS)
    assert [tuple(one.shape) for one in own] == [(2, 5, 8, 8), (2, 7, 4, 4), (2, 9, 2, 2), (2, 9, 1, 1)]
    torch.testing.assert_close(followed[-1], TEACHERS[-1].mean((2, 3), keepdim=True))


def test_deeper_layers_reach_shallower_outputs_and_never_the_other_way():
    students = [one.clone().requires_grad_() for one in STUDENTS]
    own, _ = fusion(pooled=False)(students, TEACHERS)
    reached = [
        [g is not None and bool(g.abs().sum() > 0) for g in torch.autograd.grad(out.square().sum(), students,
                                                                                retain_graph=True, allow_unused=True)]
        for out in own
    ]  # fmt: skip
    assert reached == [[True, True, True], [False, True, True], [False, False, True]]


def test_shares_of_one_position_weigh_the_layer_s_own_and_the_deeper_features():
    """With the attention's bias far on one side, a layer passes on either its own feature or the deeper one."""
    piece = fusion(pooled=False).eval()
    review = piece.maps[0]
    deeper = noise(2, 8, 4, 4, seed=5)
    with torch.no_grad():
        review.attention[0].weight.zero_()
        review.attention[0].bias.copy_(torch.tensor([50.0, -50.0]))
        torch.testing.assert_close(review(STUDENTS[0], deeper)[1], review.reduce(STUDENTS[0]))
        review.attention[0].bias.copy_(torch.tensor([-50.0, 50.0]))
        repeated = torch.nn.functional.interpolate(deeper, (8, 8))
        torch.testing.assert_close(review(STUDENTS[0], deeper)[1], repeated)


def test_layers_are_fused_in_the_width_of_the_deepest_one_unless_told_otherwise():
    assert {review.reduce[0].out_channels for review in fusion().maps} == {8}
    assert {review.reduce[0].out_channels for review in fusion(width=3).maps} == {3}


def test_the_deepest_layer_has_nothing_to_review():
    assert [review.attention is not None for review in fusion().maps] == [True, True, True, False]


def test_teachers_get_no_gradient_and_all_parameters_learn():
    teachers = [one.clone().requires_grad_() for one in TEACHERS]
    piece = fusion()
    own, followed = piece(STUDENTS, [one.detach() for one in teachers])
    sum((s - t).square().sum() for s, t in zip(own, followed, strict=True)).backward()
    assert all(one.grad is None for one in teachers)
    assert all(p.grad is not None and p.grad.isfinite().all() for p in piece.parameters())


def test_fewer_teacher_layers_than_student_layers_are_followed_in_order():
    own, followed = fusion(teachers=TEACHERS[::4], pooled=False)(STUDENTS, TEACHERS[::4])
    assert [one.shape for one in own] == [one.shape for one in followed]
    two = TEACHERS[4:9:4]
    assert [one.shape for one in fusion(teachers=two, pooled=False)(STUDENTS, two)[0]] == [
        two[0].shape,
        two[1].shape,
        two[1].shape,
    ]


def test_features_without_positions_are_refused():
    with pytest.raises(ValueError, match=r"'fusion' joins feature maps \[B, C, H, W\] \(got \(2, 4\)\)"):
        adapter("fusion", [(2, 4)], [(2, 4)])
