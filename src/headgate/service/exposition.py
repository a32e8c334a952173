"""Merges the metrics of all workers into one text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from headgate.registry.snapshot import Snapshot

_ESCAPED: Final = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})


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


def workers_up(answered: Mapping[int, bool]) -> bytes:
    """A gauge of the workers, by number: without it, one that hangs would only be missing everywhere."""
    lines = [
        "# HELP headgate_worker_up 1 for each worker that told its metrics, 0 for one that did not answer",
        "# TYPE headgate_worker_up gauge",
    ]
    lines += [f'headgate_worker_up{{worker="{index}"}} {int(answered[index])}' for index in sorted(answered)]
    return "\n".join(lines).encode() + b"\n"


def destination_names(snapshot: Snapshot) -> bytes:
    """
    A gauge that maps the ids of destinations, the labels of all other metrics, to names and sources. It has no
    label `worker`, since it is the same for all of them.
    """
    # Formatted by hand: with 10,000 destinations the client library would block the event loop for 0.2 s.
    lines = [
        "# HELP headgate_destination_info 1 for each destination, with its name and the slug of its source",
        "# TYPE headgate_destination_info gauge",
    ]
    for each in snapshot.destinations.values():
        source = snapshot.sources.get(each.source)
        slug, name = (source.slug if source else "").translate(_ESCAPED), each.name.translate(_ESCAPED)
        lines.append(f'headgate_destination_info{{destination="{each.id}",source="{slug}",name="{name}"}} 1')
    return "\n".join(lines).encode() + b"\n"
