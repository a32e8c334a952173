"""The error for an invalid filter."""

from __future__ import annotations


class FilterError(ValueError):
    """The filter cannot be saved. The message names the field, the limit, or the position in the FQL text."""
