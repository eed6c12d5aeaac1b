"""Whether a student can be delivered in the formats that a job asks for, known without torch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from kdcore.spec.base import Problem
from kdcore.spec.catalogue_records import family_of
from kdcore.spec.job import JobSpec
from kdcore.spec.plan import STUDENT, NetworkPlan

TEXT_ENCODERS = frozenset({"bert", "bert-sizes"})
"""Families whose networks transformers has under its own names."""

DISTILBERT_EPS = 1e-12


def delivery_faults(spec: JobSpec, networks: Mapping[str, NetworkPlan], delivers: str) -> Iterator[Problem]:
    """Formats that cannot hold this student."""
    if "huggingface" not in spec.deliver:
        return
    reason = _not_of_transformers(networks[STUDENT], delivers)
    if reason is not None:
        message = f"huggingface is a folder for transformers, and {reason}: leave it out of deliver"
        yield Problem(pointer="/deliver", code="format_refused", message=message)


def _not_of_transformers(student: NetworkPlan, delivers: str) -> str | None:
    if delivers != STUDENT:
        return f"this method delivers {delivers!r}, a path through the student"
    if family_of(student.architecture) not in TEXT_ENCODERS:
        return f"{student.architecture} is no text encoder of it (bert-<depth> and the published sizes are)"
    return _no_distilbert(student.options)


def _no_distilbert(options: Mapping[str, Any]) -> str | None:
    """A pooler with a ReLU is DistilBERT's, which has no segments and one epsilon."""
    segments, eps = options.get("segments", 2), options.get("norm_eps", DISTILBERT_EPS)
    if options.get("pooling") != "relu" or (segments == 0 and eps == DISTILBERT_EPS):
        return None
    return f"it has pooling: relu with segments: 0 and norm_eps: {DISTILBERT_EPS} alone (got {segments} and {eps})"
