"""Proof: what the student gained and lost, in figures that carry their uncertainty."""

from kdcore.measure.calibration import calibration_error, reliability
from kdcore.measure.intervals import PairedDifference, bootstrap_interval, mcnemar, paired_difference
from kdcore.measure.latency import Latency, latencies, latency
from kdcore.measure.memory import PeakMemory, peak_memory
from kdcore.measure.predict import evaluating, predict
from kdcore.measure.quality import (
    ClassFigure,
    Quality,
    accuracy,
    agreement,
    correct,
    divergence,
    gap_closed,
)
from kdcore.measure.size import macs, parameters
from kdcore.measure.verdict import Verdict, verdict

__all__ = [
    "ClassFigure",
    "Latency",
    "PairedDifference",
    "PeakMemory",
    "Quality",
    "Verdict",
    "accuracy",
    "agreement",
    "bootstrap_interval",
    "calibration_error",
    "correct",
    "divergence",
    "evaluating",
    "gap_closed",
    "latencies",
    "latency",
    "macs",
    "mcnemar",
    "paired_difference",
    "parameters",
    "peak_memory",
    "predict",
    "reliability",
    "verdict",
]
