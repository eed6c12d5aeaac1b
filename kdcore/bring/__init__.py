"""Bringing in what users have: from hostile files to a checked pack of arrays, or to safe weights with a card."""

from kdcore.bring.caps import Caps
from kdcore.bring.datasets import dataset

__all__ = ["Caps", "dataset"]
