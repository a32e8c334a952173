"""Destination filters (SPEC 9): which events a destination gets, and which of their properties."""

from headgate.filters.chain import FilterChain, FilterError, Rule

__all__ = ["FilterChain", "FilterError", "Rule"]
