"""The card's metadata, as Hugging Face's Hub reads them (https://huggingface.co/docs/hub/model-cards)."""

from __future__ import annotations

import re
from typing import Any

import yaml

from kdcore.report.reading import delivered
from kdcore.report.result import Licence, Result
from kdcore.spec.plan import TEACHER, Plan
from kdcore.spec.tasks import task_info

PIPELINES = {
    ("image", "classification"): "image-classification",
    ("image", "multilabel"): "image-classification",
    ("image", "detection"): "object-detection",
    ("image", "segmentation"): "image-segmentation",
    ("table", "classification"): "tabular-classification",
    ("table", "regression"): "tabular-regression",
    ("tokens", "classification"): "text-classification",
    ("tokens", "multilabel"): "text-classification",
    ("tokens", "regression"): "text-classification",
    ("tokens", "generation"): "text-generation",
}
"""Kind of input and task -> what the Hub calls it; it has no name for series."""
METRICS = {"f1_macro": "f1", "f1_micro": "f1", "matthews": "matthews_correlation", "miou": "mean_iou", "map": "mAP"}
"""Our metrics that the Hub calls otherwise."""
LICENCES = (
    "mit", "apache-2.0", "bsd", "bsd-2-clause", "bsd-3-clause", "isc", "cc0-1.0", "unlicense", "gpl-2.0", "gpl-3.0",
    "lgpl-3.0", "agpl-3.0", "mpl-2.0", "odbl", "pddl", "cc-by-2.0", "cc-by-3.0", "cc-by-4.0", "cc-by-sa-3.0",
    "cc-by-sa-4.0", "cc-by-nc-2.0", "cc-by-nc-3.0", "cc-by-nc-4.0", "cc-by-nd-4.0", "cc-by-nc-nd-3.0",
    "cc-by-nc-nd-4.0", "cc-by-nc-sa-2.0", "cc-by-nc-sa-3.0", "cc-by-nc-sa-4.0",
)  # fmt: skip
"""Licences that the Hub knows, by its ids."""
SEVERAL, UNKNOWN = "several-see-the-card", "unknown"

_HUB_ID = re.compile(r"(?!.*(--|\.\.))[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?(?<![.-])")


def front_matter(result: Result, plan: Plan) -> str:
    """YAML between its two lines of dashes."""
    # One line a value: no text of a user begins a line, where three dashes would end the block.
    text = yaml.safe_dump(metadata(result, plan), sort_keys=False, allow_unicode=True, width=float("inf"))
    return f"---\n{text}---\n"


def metadata(result: Result, plan: Plan) -> dict[str, Any]:
    """What the front matter holds; fields that would have to be made up are left out."""
    data, taught = plan.dataset.name, teacher_of(plan)
    found: dict[str, Any] = {
        **_licence(result["licences"]),
        "base_model": taught if taught and is_hub_id(taught) and plan.networks[TEACHER].model is not None else None,
        "datasets": [data] if is_hub_id(data) else None,
        "pipeline_tag": PIPELINES.get((plan.dataset.input.kind, plan.dataset.task)),
        "library_name": "transformers" if "huggingface" in _formats(result) else None,
        "tags": ["distillation", "knowledge-distillation", plan.dataset.task, *_formats(result)],
        "metrics": [_metric(result)],
        "model-index": [{"name": result["name"], "results": [_measured(result, plan)]}],
        "distillery": {"method": result["method"], "teacher": taught, "verdict": result["verdict"]["outcome"]},
    }
    return {name: value for name, value in found.items() if value is not None}


def teacher_of(plan: Plan) -> str | None:
    """The name of the teacher: that of the model that was brought, else its architecture."""
    network = plan.networks.get(TEACHER)
    if network is None:
        return None
    return network.architecture if network.model is None else network.model.name


def is_hub_id(name: str) -> bool:
    """Whether the Hub would take it for a repository's name."""
    return len(name) <= 96 and _HUB_ID.fullmatch(name) is not None


def hub_licence(licence: str | None) -> str | None:
    """The Hub's id of a licence: ``cc-by-4.0`` of ``CC BY 4.0 (UCI 80)``; None where it has none."""
    text = re.sub(r"[\s_]+", "-", (licence or "").lower().strip())
    named = re.fullmatch(r"(.+?)(-only|-or-later|-as-.*|-\(.*)?", text)
    return named.group(1) if named and named.group(1) in LICENCES else None


def _licence(stated: list[Licence]) -> dict[str, str]:
    """What data and teacher ask for, where that is one licence; whoever hands the student out states its own."""
    found = {hub_licence(one["licence"]) for one in stated}
    if not found or any(one["derivatives"] == "unknown" for one in stated):
        return {"license": UNKNOWN}
    (only, *more) = found
    return {"license": "other", "license_name": SEVERAL} if more or only is None else {"license": only}


def _formats(result: Result) -> list[str]:
    return [export["format"] for export in delivered(result) if export["format"] != "loader"]


def _metric(result: Result) -> str:
    return METRICS.get(result["metric"]["name"], result["metric"]["name"])


def _measured(result: Result, plan: Plan) -> dict[str, Any]:
    """One result of the Hub's ``model-index``: the deciding figure on the test split, its interval as an argument."""
    student, metric, dataset = result["models"]["student"], result["metric"], plan.dataset
    kind = PIPELINES.get((dataset.input.kind, dataset.task), dataset.task)
    return {
        "task": {"type": kind, "name": task_info(dataset.task).title},
        "dataset": {
            "type": re.sub(r"[^\w.-]+", "-", dataset.name).strip("-.") or "dataset",
            "name": dataset.name,
            "split": "test",
        },
        "metrics": [
            {
                "type": _metric(result),
                "value": student["score"],
                "name": metric["title"],
                "args": {"confidence": 0.95, "interval": list(student["interval"])},
            }
        ],
    }
