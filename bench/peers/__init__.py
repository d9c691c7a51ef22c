"""Systems a user would pick instead, made to do the same work."""

__all__: list[str] = []
