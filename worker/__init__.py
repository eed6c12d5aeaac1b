"""The worker: hears the doorbell, claims jobs under a lease, and keeps one engine process for each of them."""
