"""A student starts as a part of its teacher, bit by bit."""

import pytest
import torch

from kdcore.models import build, landmarks
from kdcore.models.encoder import Encoder
from kdcore.objective.copying import copy_layers
from kdcore.objective.networks import fingerprint
from kdcore.spec.matching import copy_map, forward_map


def bert(layers, width=12):
    return Encoder(vocabulary=30, layers=layers, width=width, heads=3, max_length=8, num_classes=4)


def copied(student, teacher, mapping):
    return copy_layers(student, teacher, landmarks(student).features, landmarks(teacher).features, mapping)


@pytest.mark.parametrize("mapping", [forward_map(3, 12), forward_map(3, 12)[::-1], copy_map(3, 12)])
def test_student_layer_i_is_bit_equal_to_teacher_layer_map_i(mapping):
    student, teacher = bert(3), bert(12)
    done = copied(student, teacher, mapping)
    own, other = student.state_dict(), teacher.state_dict()
    for i, place in enumerate(mapping):
        inside = [name.removeprefix(f"blocks.{i}.") for name in own if name.startswith(f"blocks.{i}.")]
        assert len(inside) == 16
        assert all(torch.equal(own[f"blocks.{i}.{name}"], other[f"blocks.{place}.{name}"]) for name in inside)
    assert all(torch.equal(own[name], other[name]) for name in own if not name.startswith("blocks."))
    assert set(done.copied) == set(own)
    assert done.skipped == ()


def test_as_many_layers_make_the_student_say_what_the_teacher_says():
    student, teacher, ids = bert(4).eval(), bert(4).eval(), torch.randint(1, 30, (5, 6))
    assert not torch.allclose(student(ids), teacher(ids))
    copied(student, teacher, range(4))
    assert torch.equal(student(ids), teacher(ids))


def test_the_teacher_stays_as_it_was_and_shares_no_memory():
    student, teacher = bert(2), bert(4)
    before = fingerprint(teacher)
    copied(student, teacher, [1, 3])
    with torch.no_grad():
        for parameter in student.parameters():
            parameter.add_(1)
    assert fingerprint(teacher) == before


def test_blocks_of_another_width_are_refused_by_name_and_shape_and_nothing_is_changed():
    student, teacher = bert(2, width=6), bert(4)
    before = fingerprint(student)
    with pytest.raises(ValueError, match=r"blocks\.0\.norm1\.weight is \[6\] in the student and \[12\] in the teacher"):
        copied(student, teacher, [1, 3])
    assert fingerprint(student) == before


@pytest.mark.parametrize("mapping", [[0], [0, 4], [0, -1]])
def test_a_mapping_that_does_not_fit_is_refused_with_the_range(mapping):
    with pytest.raises(ValueError, match=r"0\.\.3"):
        copied(bert(2), bert(4), mapping)


def test_another_number_of_classes_leaves_the_head_and_says_so():
    student = Encoder(vocabulary=30, layers=1, width=12, heads=3, max_length=8, num_classes=9)
    head = student.head.weight.clone()
    done = copied(student, bert(2), [1])
    assert done.skipped == ("head.weight", "head.bias")
    assert torch.equal(student.head.weight, head)


def test_residual_blocks_are_copied_within_their_stage_with_their_statistics():
    student, teacher = build("resnet8", 10), build("resnet20", 10)
    teacher(torch.rand(8, 3, 32, 32))  # statistics that no fresh network has
    firsts = [landmarks(teacher).features.index(f"stages.{stage}.blocks.0") for stage in range(3)]
    done = copied(student, teacher, firsts)
    assert done.skipped == ()
    name = "stages.2.blocks.0.bn1.running_mean"
    assert torch.equal(student.state_dict()[name], teacher.state_dict()[name])
    assert student.state_dict()[name].abs().sum() > 0


def test_a_block_that_comes_down_in_resolution_is_no_copy_of_one_that_does_not():
    student, teacher = build("resnet8", 10), build("resnet20", 10)
    with pytest.raises(ValueError, match=r"conv1\.weight is \[32, 16, 3, 3\] in the student and \[32, 32, 3, 3\]"):
        copied(student, teacher, [0, 4, 7])
