"""Samples of failures, kept for inspection (SPEC 11.1, 11.3), and the daily usage of functions."""
