"""Commands a running node over HTTP."""

__all__: list[str] = []
