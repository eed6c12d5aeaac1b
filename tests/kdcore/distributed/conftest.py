"""Two processes that the tests of this folder share."""

import pytest
from ranks import Ranks


@pytest.fixture(scope="session")
def pair():
    ranks = Ranks(2)
    yield ranks
    ranks.close()
