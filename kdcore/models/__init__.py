"""Networks by name, the places to look at in them, and their weights."""

from kdcore.models.inplace import without_inplace
from kdcore.models.landmarks import Landmarks, features, landmarks
from kdcore.models.preprocess import renormalised
from kdcore.models.registry import build, families
from kdcore.models.starting import start
from kdcore.models.weights import WeightsError, load, save

__all__ = [
    "Landmarks",
    "WeightsError",
    "build",
    "families",
    "features",
    "landmarks",
    "load",
    "renormalised",
    "save",
    "start",
    "without_inplace",
]
