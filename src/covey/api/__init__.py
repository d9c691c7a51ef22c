"""The HTTP interface of a running node."""

__all__: list[str] = []
