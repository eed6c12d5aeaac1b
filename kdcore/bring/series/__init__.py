"""Sensor series: runs are read, brought to one rate, and cut into windows that never leave their run."""

from __future__ import annotations

from kdcore.bring.series.reader import read_series

__all__ = ["read_series"]
