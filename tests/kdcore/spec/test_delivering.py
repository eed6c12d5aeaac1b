"""Formats that cannot hold a student are refused before anything is trained."""

import pytest

from kdcore.spec import SpecError, parse_spec, plan


def asked(**changes):
    spec = {
        "name": "formats",
        "dataset": {"name": "digits"},
        "teacher": {"architecture": "resnet20", "train": {"epochs": 1}},
        "student": {"architecture": "resnet8"},
        **changes,
    }
    return plan(parse_spec(spec))


def test_a_folder_for_transformers_is_refused_for_a_network_that_it_does_not_have():
    with pytest.raises(SpecError, match="resnet8 is no text encoder") as caught:
        asked(deliver=["huggingface"])
    assert [(one.pointer, one.code) for one in caught.value.problems] == [("/deliver", "format_refused")]


def test_the_other_formats_are_planned_in_the_order_asked_for_with_the_weights_first():
    formats = asked(deliver=["onnx-fp16", "torch-export"]).deliver
    assert formats == ("safetensors", "onnx-fp16", "torch-export")
