"""What tests of brought models share: one call to bring a file, and the folder of real data."""

import os
from pathlib import Path

import pytest

from kdcore.bring.caps import Caps
from kdcore.bring.models import model
from kdcore.spec.bringing.models import parse_model

ROOT = Path(__file__).parents[4]


@pytest.fixture(scope="session")
def real_data():
    """The folder of real data, where this machine has it."""
    folder = Path(os.environ.get("DISTILLERY_SHARED_DATA") or ROOT.parent / "shared" / "data")
    if not folder.is_dir():
        pytest.skip("no real data on this machine")
    return folder


@pytest.fixture
def bring(tmp_path):
    """Bring a file with options; returns the card. Files are in ``tmp_path / "out"``."""

    def brought(source, *, caps=None, **options):
        asked = parse_model({"name": "brought", **options})
        out = tmp_path / "out"
        return model(source, asked, out, caps=caps or Caps(), report=lambda record: None, stop=lambda: None)

    return brought
