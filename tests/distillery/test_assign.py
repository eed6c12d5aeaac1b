"""Changes of a spec as one types them become a merge patch."""

from pathlib import Path
from typing import Any

import pytest

from distillery.assign import assigned
from distillery.cli_brought import order_of
from distillery.specfile import SpecFileError


@pytest.mark.parametrize(
    ("texts", "patch"),
    [
        ([], {}),
        (["name=longer run"], {"name": "longer run"}),
        (["training.epochs=40", "training.optimizer.lr=1e-3"], {"training": {"epochs": 40, "optimizer": {"lr": 1e-3}}}),
        (["training.cache.mode=on", "baseline=false"], {"training": {"cache": {"mode": "on"}}, "baseline": False}),
        (["deliver=[safetensors, onnx]"], {"deliver": ["safetensors", "onnx"]}),
        (["method={preset: dkd, beta: 2}"], {"method": {"preset": "dkd", "beta": 2}}),
        (["labels.old=", "teacher= "], {"labels": {"old": None}, "teacher": None}),
        (["labels.formula=a=b"], {"labels": {"formula": "a=b"}}),
    ],
)
def test_paths_and_values_become_a_patch(texts: list[str], patch: dict[str, Any]) -> None:
    assert assigned(texts) == patch


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (["epochs"], "write PATH=VALUE"),
        (["=3"], "write PATH=VALUE"),
        (["training..epochs=3"], "write PATH=VALUE"),
        (["training.epochs=3", "training.epochs=4"], "set twice"),
        (["training=3", "training.epochs=4"], "has another value already"),
        (["deliver=[onnx"], "--set"),
    ],
)
def test_what_cannot_be_meant_is_refused(texts: list[str], message: str) -> None:
    with pytest.raises(SpecFileError, match=message):
        assigned(texts)


def test_options_that_are_set_join_those_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "options.yaml").write_text("format: weights\noptions: {shortcut: pad, heads: 4}\nwidth: 2\n")
    body = order_of(tmp_path / "options.yaml", ["options.heads=6", "width="], {"name": "teacher", "architecture": None})
    assert body.data == {"format": "weights", "options": {"shortcut": "pad", "heads": 6}, "name": "teacher"}
