"""The proof: what a job's networks are worth, what is delivered, and the report that says so."""

from kdcore.proof.prover import ARTIFACTS, Prover

__all__ = ["ARTIFACTS", "Prover"]
