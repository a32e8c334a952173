"""The metrics of all workers as one text."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def joined(texts: Iterable[bytes]) -> bytes:
    """
    *texts* in Prometheus' format, with the samples of each family together, as the format wants them. Samples are told
    apart by their label `worker`.
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
