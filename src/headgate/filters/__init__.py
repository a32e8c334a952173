"""Destination filters (SPEC 9): which events a destination receives, and which of their properties."""

from headgate.filters.chain import FilterChain, Rule
from headgate.filters.error import FilterError

__all__ = ["FilterChain", "FilterError", "Rule"]
