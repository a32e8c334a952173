"""Generates ids for events that arrive without one (SPEC 2.5)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from headgate_runtime import Entropy


def message_id(now_ms: int, entropy: Entropy) -> str:
    """
    `api-` and 32 hex digits that sort by time: 48 bits of
    milliseconds since the epoch, then 80 random bits.
    """
    return f"api-{now_ms:012x}{entropy(10).hex()}"
