"""Stores accepted events until every destination has its outcome, and hands out their jobs fairly."""
