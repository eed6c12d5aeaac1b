"""Object detectors: torchvision's heads and losses behind one tensor of raw outputs."""

from kdcore.models.detectors.base import Columns, Detector, Found

__all__ = ["Columns", "Detector", "Found"]
