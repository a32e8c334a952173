"""When a failed attempt is repeated (SPEC 7, D24)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

HOUR_MS: Final = 3_600_000


@dataclass(frozen=True, slots=True)
class Backoff:
    """
    Randomised exponential delays: before attempt n + 1, between 0.5 and 1.5 times `min(base * 2^(n-1), cap)`.

    attempts     at most, the first one included
    window_ms    from the first attempt; no attempt begins later
    """

    base_ms: int = 15_000
    cap_ms: int = 45 * 60_000
    attempts: int = 10
    window_ms: int = 4 * HOUR_MS

    def __post_init__(self) -> None:
        if not (0 < self.base_ms <= self.cap_ms and self.attempts >= 1 and self.window_ms >= 0):
            raise ValueError(f"no such schedule of retries: {self}")

    def delay_ms(
        self, attempts: int, elapsed_ms: float, random: float, at_least_ms: float = 0.0
    ) -> float | None:
        """
        The delay after *attempts* attempts, the last of which ended *elapsed_ms* after the first began; None when there
        is to be no other. *random* is from [0, 1); *at_least_ms* is what the destination asked for by Retry-After.
        """
        if attempts >= self.attempts:
            return None
        # 2^63 ms is past every window; the shift must not make a number of a thousand digits.
        base = min(self.base_ms << min(attempts - 1, 63), self.cap_ms)
        delay = max(base * (0.5 + random), at_least_ms)
        return delay if elapsed_ms + delay <= self.window_ms else None
