"""Benchmarks: each prints one JSON line; `python -m bench` runs them all and writes a table."""

__all__: list[str] = []
