"""The HTTP side: resources over the store, validated by kdcore.spec; never torch, never a worker."""
