"""Questions that need several jobs: what is compared, and what the comparison is worth. Nothing here imports torch."""
