"""Application interfaces, one folder each; what differs between them ends here."""

__all__: list[str] = []
