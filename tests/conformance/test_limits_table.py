"""limits.json, where it speaks of functions, and the defaults of Limits."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path

from headgate_runtime import Limits
from headgate_runtime.limits import BATCH_EVENTS

TABLE = {row["key"]: row for row in json.loads((Path(__file__).parent / "limits.json").read_text())["limits"]}


def highest(name: str) -> int:
    (entry,) = (entry for entry in fields(Limits) if entry.name == name)
    most = entry.metadata["high"]
    assert isinstance(most, int)
    return most


def test_time() -> None:
    assert Limits().time_ms == TABLE["function.timeout_ms"]["value"]
    assert "60000" in TABLE["function.timeout_ms"]["note"]
    assert highest("time_ms") == 60_000


def test_batches() -> None:
    assert Limits().input_bytes == Limits().output_bytes == TABLE["function.batch.io_bytes"]["value"]
    assert TABLE["function.batch.max_events"]["value"] <= BATCH_EVENTS
    assert BATCH_EVENTS == 1_000  # SPEC D9


def test_recommended_where_the_table_has_no_number() -> None:
    """SPEC D30."""
    assert "128 default, 512 max" in TABLE["function.memory_mb"]["note"]
    assert (Limits().memory_bytes, highest("memory_bytes")) == (128 << 20, 512 << 20)
    assert "1 MiB" in TABLE["function.code_bytes"]["note"]
    assert Limits().source_bytes == 1 << 20
    assert "100" in TABLE["function.concurrent_outgoing_requests"]["note"]
    assert Limits().operations == 100
