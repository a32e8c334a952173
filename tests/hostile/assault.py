"""
Runs an attack beside a neighbour that must not notice it. Checks that the attack stays within its limits, and that the next
events of the same function and of another tenant have correct results.
"""

from __future__ import annotations

import asyncio
from typing import Any

from headgate_runtime import Function, Outcome
from headgate_runtime.outcome import Cause
from tests.stage import Isolation, Stage, track, value

NEIGHBOUR = """
let served = 0
async function onTrack(event) {
  await null
  event.properties.digest = [...event.properties.items].map((item) => item * 2).join()
  event.properties.served = ++served
  return event
}"""

FUNCTION = """{top}
async function onTrack(event, settings) {{
  if (event.properties.attack) {{ {body} }}
  event.properties.calm = [1, 2, 3].map((n) => n + 1)
  return event
}}"""

ITEMS = [3, 1, 2]


class Assault:
    """`assault(body)` runs the statements *body* in a handler. Keyword arguments are limits."""

    def __init__(self, stage: Stage, isolation: Isolation) -> None:
        self.stage = stage
        self.isolation = isolation
        self._neighbour = stage.function(NEIGHBOUR, tenant="neighbour")
        self._served = 0

    def __call__(self, body: str, *, top: str = "", calm: bool = True, **limits: int) -> Outcome:
        """
        Attacks twice: alone, then while the neighbour works. With *calm*, the function's next event is forwarded as
        if nothing had been; without, it harmed itself, which only warm functions can.
        """
        source = FUNCTION.format(top=top, body=body)
        return self.source(source, calm=calm, **limits)

    def source(self, source: str, *, calm: bool = True, **limits: int) -> Outcome:
        function = self.stage.function(source, None, isolation=self.isolation, tenant="attacker", **limits)
        first = self.stage.invoke(function, track(attack=True))
        check_bounds(first, function)
        second = self._beside_neighbour(function)
        check_bounds(second, function)
        if calm or self.isolation == "hermetic":
            assert second.cause is first.cause
            self.check_calm(function)
        return first

    def check_calm(self, function: Function) -> None:
        outcome = self.stage.invoke(function, track(attack=False))
        assert value(outcome) == track(attack=False, calm=[2, 3, 4])

    def check_neighbour(self) -> None:
        self.stage.loop.run(self._serve())

    def _beside_neighbour(self, function: Function) -> Outcome:
        async def both() -> Outcome:
            attacked = asyncio.ensure_future(self.stage.executor.invoke(function, track(attack=True)))
            await asyncio.sleep(0)
            await self._serve()
            outcome = await attacked
            await self._serve()
            return outcome

        return self.stage.loop.run(both())

    async def _serve(self) -> None:
        """One sandbox serves the neighbour all along: its own state tells if it was ever touched or replaced."""
        outcome = await self.stage.executor.invoke(self._neighbour, track(items=ITEMS))
        self._served += 1
        assert value(outcome) == track(items=ITEMS, digest="6,2,4", served=self._served)


def check_bounds(outcome: Outcome, function: Function) -> None:
    limits = function.limits
    assert outcome.fuel <= limits.fuel
    assert outcome.memory_bytes <= limits.memory_bytes
    assert outcome.output is None or len(outcome.output) <= limits.output_bytes
    assert len(outcome.logs) <= limits.log_lines
    assert sum(len(line.message.encode()) for line in outcome.logs) <= limits.log_bytes
    # Ended by its own limits, not by the clock, so that the suite does not depend on the machine's speed.
    assert "time_ms" not in (outcome.message or "")
    assert not is_fault(outcome), outcome


def is_fault(outcome: Outcome) -> bool:
    """Whether the guest itself broke, rather than the user's function: safe, and still a defect."""
    return outcome.cause is Cause.INTERNAL and "out of memory" not in (outcome.message or "")


def message(outcome: Outcome) -> str:
    assert outcome.message is not None
    return outcome.message


def forwarded(outcome: Outcome) -> dict[str, Any]:
    event: dict[str, Any] = value(outcome)
    return event
