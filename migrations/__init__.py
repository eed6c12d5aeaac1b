"""The steps that bring a database from any version to the newest; `python -m migrations` runs them."""
