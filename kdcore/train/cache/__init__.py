"""Outputs of frozen networks, kept: computed once in fixed blocks, looked up in every step, shared by key."""

from kdcore.train.cache.entry import trim
from kdcore.train.cache.keeping import Keep, kept
from kdcore.train.cache.key import Key
from kdcore.train.cache.layout import Layout
from kdcore.train.cache.speaking import speaking, spoken_by
from kdcore.train.cache.stored import Table
from kdcore.train.cache.teacher import TeacherCache

__all__ = ["Keep", "Key", "Layout", "Table", "TeacherCache", "kept", "speaking", "spoken_by", "trim"]
