"""Writing text: what a network continues a prompt with, by its likeliest tokens, by chance, or by beam search."""

from kdcore.generate.beams import beam_search
from kdcore.generate.stepwise import greedy, sample
from kdcore.generate.writers import Prompt, Recomputing, Writer, writer_of

__all__ = ["Prompt", "Recomputing", "Writer", "beam_search", "greedy", "sample", "writer_of"]
