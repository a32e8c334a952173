"""Measures Headgate beside what people would take in its place: `python -m benchmarks`, or `make bench`. See README.md."""
