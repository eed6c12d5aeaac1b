"""What tests of brought models share: one call to bring a file, and the folder of real data."""

import pytest
from bringing import REAL
from servers import unavailable

from kdcore.bring.caps import Caps
from kdcore.bring.models import model
from kdcore.spec.bringing.models import parse_model


@pytest.fixture(scope="session")
def real_data():
    """The folder of real data, where this machine has it."""
    if not REAL.is_dir():
        unavailable(f"no real data in {REAL}")
    return REAL


@pytest.fixture
def bring(tmp_path):
    """Bring a file with options; returns the card. Files are in ``tmp_path / "out"``."""

    def brought(source, *, caps=None, **options):
        asked = parse_model({"name": "brought", **options})
        out = tmp_path / "out"
        return model(source, asked, out, caps=caps or Caps(), report=lambda record: None, stop=lambda: None)

    return brought
