"""The retry schedule of failed attempts (SPEC 7, D24)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

HOUR_MS: Final = 3_600_000


@dataclass(frozen=True, slots=True)
class Backoff:
    """
    Exponential backoff with jitter: the delay before attempt n + 1 is 0.5 to 1.5 times `min(base * 2^(n-1),
    cap)`.

    base_ms      mean delay before the second attempt
    cap_ms       upper bound of the mean delay
    attempts     maximum number of attempts, including the first
    window_ms    time after the beginning of the first attempt in which others may begin
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
        The delay before the next attempt, or None if there are to be no more.

        attempts       attempts made
        elapsed_ms     from the beginning of the first attempt to the end of the last
        random         from [0, 1)
        at_least_ms    the delay that the destination asked for by Retry-After
        """
        if attempts >= self.attempts:
            return None
        # The exponent is capped so that the shift cannot produce a huge integer; 2^63 ms exceeds any window.
        base = min(self.base_ms << min(attempts - 1, 63), self.cap_ms)
        delay = max(base * (0.5 + random), at_least_ms)
        return delay if elapsed_ms + delay <= self.window_ms else None
