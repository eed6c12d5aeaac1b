"""The seven questions of a distillation objective, one room each."""

from kdcore.objective.adapters import adapter
from kdcore.objective.balance import min_norm_weights
from kdcore.objective.distances import distance
from kdcore.objective.matching import Pair, layer_pairs
from kdcore.objective.paths import prompted

__all__ = ["Pair", "adapter", "distance", "layer_pairs", "min_norm_weights", "prompted"]
