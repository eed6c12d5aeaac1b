"""What a job asks for: specs, presets and plans. Nothing here imports torch."""

from kdcore.spec.base import Problem, SpecError
from kdcore.spec.datasets import DatasetInfo, UnknownDataset, dataset_catalogue, dataset_info
from kdcore.spec.job import JobSpec, parse_spec
from kdcore.spec.matching import Pair, layer_pairs
from kdcore.spec.plan import Plan
from kdcore.spec.planner import plan
from kdcore.spec.presets import MethodInfo, UnknownMethod, method_info, methods

__all__ = [
    "DatasetInfo",
    "JobSpec",
    "MethodInfo",
    "Pair",
    "Plan",
    "Problem",
    "SpecError",
    "UnknownDataset",
    "UnknownMethod",
    "dataset_catalogue",
    "dataset_info",
    "layer_pairs",
    "method_info",
    "methods",
    "parse_spec",
    "plan",
]
