"""Re-evaluation: the student of a finished job measured on newly given data, beside its own test split.

``shift`` says how far the features of these data lie from those that it learnt from, ``compared`` what became of its
figures. Nothing is trained and nothing is chosen, so an attempt that was killed is simply made again.
"""

from kdcore.reevaluation.running import run

__all__ = ["run"]
