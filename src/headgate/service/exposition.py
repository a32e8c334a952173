"""Merges the metrics of all workers into one text."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def joined(texts: Iterable[bytes]) -> bytes:
    """
    Merges *texts* in Prometheus' format, grouping the samples of each family as the format requires. Samples
    of different workers differ in the label `worker`.
    """
    families: dict[bytes, list[bytes]] = {}
    for text in texts:
        samples: list[bytes] = []
        for line in text.splitlines():
            if line.startswith(b"# HELP "):
                samples = families.setdefault(line, [])
            elif line.startswith(b"# TYPE "):
                if not samples:
                    samples.append(line)
            else:
                samples.append(line)
    return b"".join(b"\n".join([head, *samples]) + b"\n" for head, samples in families.items())
