"""The error for invalid FQL."""

from __future__ import annotations


class FqlError(ValueError):
    """*position* is the index of the offending character, from 0."""

    def __init__(self, message: str, position: int) -> None:
        super().__init__(f"{message} at character {position + 1}")
        self.position = position
