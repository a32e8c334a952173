"""What is wrong with a filter."""

from __future__ import annotations


class FilterError(ValueError):
    """A filter that cannot be saved. The message names the field, the limit or the place in the FQL text."""
