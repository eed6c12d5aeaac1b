"""Inputs and targets: readers, packs, splits, and batches from memory."""

from kdcore.data.examples import Examples
from kdcore.data.readers import read
from kdcore.data.splits import Data, TestSplitClosed, load, open_data

__all__ = ["Data", "Examples", "TestSplitClosed", "load", "open_data", "read"]
