"""The engine's process: one job in a session of its own, driven by orders on stdin, answering in records on a pipe."""
