"""Pictures and labels: readers, splits, and batches from memory."""

from kdcore.data.readers import Pictures, read
from kdcore.data.splits import Data, TestSplitClosed, load, open_data

__all__ = ["Data", "Pictures", "TestSplitClosed", "load", "open_data", "read"]
