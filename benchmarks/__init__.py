"""Measures Headgate beside native QuickJS-ng: `python -m benchmarks`, or `make bench`. See README.md."""
