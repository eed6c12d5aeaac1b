"""Which layers belong together? Known without torch, so the plan already holds it: see ``kdcore.spec.matching``."""

from kdcore.spec.matching import Pair, forward_map, layer_pairs

__all__ = ["Pair", "forward_map", "layer_pairs"]
