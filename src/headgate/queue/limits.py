"""Limits of a queue."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

MINUTE_MS: Final = 60_000
HOUR_MS: Final = 60 * MINUTE_MS
DAY_MS: Final = 24 * HOUR_MS


@dataclass(frozen=True, slots=True)
class QueueLimits:
    """
    Rows are jobs, one for each destination of an event. Bytes are those of the bodies; a shared body counts
    once for each job.

    Beyond the first four limits `put` refuses the workspace, beyond the next four it refuses everybody. A
    refused put stores nothing.

    workspace_rows, workspace_bytes  of one workspace
    lane_rows, lane_bytes            of one lane; an event is refused as a whole if one of its lanes is full
    disk_reserve_bytes               kept free on the volume for settlements and the other files of the
                                     service; free pages inside the queue's file count as free, since the file
                                     never shrinks
    waiting_events, waiting_bytes    put and not yet durable
    commit_ms                        puts are refused while an earlier one has waited this long for the disk
    seen_ms                          how long message ids are remembered (SPEC 8.7)
    dead_ms, dead_rows               how long dead jobs are kept, and how many per lane; the oldest are
                                     removed first
    tallies_ms                       how long counters are kept (SPEC 11.3)
    """

    workspace_rows: int = 4_000_000
    workspace_bytes: int = 16 << 30
    lane_rows: int = 2_000_000
    lane_bytes: int = 8 << 30
    disk_reserve_bytes: int = 256 << 20
    waiting_events: int = 20_000
    waiting_bytes: int = 128 << 20
    commit_ms: float = 5_000
    seen_ms: int = DAY_MS
    dead_ms: int = 7 * DAY_MS
    dead_rows: int = 10_000
    tallies_ms: int = 30 * DAY_MS
