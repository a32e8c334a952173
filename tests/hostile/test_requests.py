"""Requests without end or measure: what the host holds of them is bounded, and its own work for them is the tenant's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from headgate_runtime import Answer, Request, limits
from headgate_runtime import sandbox as sandbox_module
from headgate_runtime.outcome import Cause
from headgate_runtime.sandbox import HELD_BYTES_MAX, REFUSED, Sandbox
from tests.runtime.fakes import FakeClock, ok
from tests.stage import Stage, value

if TYPE_CHECKING:
    from collections.abc import Callable

MEMORY, FUEL = 128 << 20, 20_000_000_000

FLOODS = {
    "bodies": "fetch('http://a/' + i, { method: 'POST', body: huge })",
    "headers": "fetch('http://a/', { headers: { a: text } })",
}


class Counting:
    """A service that answers at once, and counts what it was given."""

    def __init__(self) -> None:
        self.bytes = 0

    async def __call__(self, request: Request) -> Answer:
        self.bytes += len(request.payload) + len(request.body or b"")
        return ok(request.operation, "http://a/", b"")


@pytest.mark.parametrize("flood", FLOODS.values(), ids=FLOODS)
def test_what_the_host_holds_is_bounded(stage_with: Callable[..., Stage], flood: str) -> None:
    """A hundred large requests, filed in one go: the host copies what is filed."""
    service = Counting()
    stage = stage_with(fetch=service, clock=FakeClock())
    source = f"""
    async function onTrack(event) {{
      const huge = new ArrayBuffer(16e6), text = 'x'.repeat(2e6)
      const ask = async (i) => {{ try {{ await {flood}; return 'ok' }} catch (error) {{ return error.code ?? error.name }} }}
      const answers = []
      for (let i = 0; i < 100; i++) answers.push(ask(i))
      event.answers = [...new Set(await Promise.all(answers))]
      return event
    }}"""
    function = stage.function(source, operations=100, memory_bytes=MEMORY, fuel=FUEL)

    outcome = stage.invoke(function)

    assert outcome.cause is Cause.FORWARD, outcome
    assert "ENOBUFS" in value(outcome)["answers"]
    assert service.bytes <= HELD_BYTES_MAX
    assert [slot.sandbox.held for slot in function.idle] == [0]


def test_entries_of_the_cache_that_are_too_large_are_not_looked_at(
    run: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = """
    async function onTrack(event) {
      const huge = 'x'.repeat(4e6)
      event.got = (await cache.load('k', -1, async () => huge)).length
      return event
    }"""
    function = run.function(source, isolation="hermetic", memory_bytes=MEMORY)
    seen: list[int] = []
    answer = function.cache.answer

    def looking(_: object, request: Request) -> Answer:
        seen.append(len(request.payload))
        return answer(request)

    monkeypatch.setattr(type(function.cache), "answer", looking)

    assert value(run.invoke(function))["got"] == 4_000_000
    assert max(seen) < 1_000


def test_a_guest_that_lies_about_how_many_there_are(run: Stage) -> None:
    function = run.function("function onTrack(event) { return event }", operations=10)
    run.invoke(function)
    sandbox = function.idle[0].sandbox
    (context,) = (each for each, found in Sandbox.by_context.items() if found is sandbox)

    answers = [sandbox_module._import_fetch(context, n, 0, 10, 0, 0) for n in range(50)]

    assert answers == [0] * 20 + [REFUSED] * 30
    sandbox.requests = []
    assert sandbox.held == 0


WORK = {
    "timers": (
        "for (let i = 0; i < 50; i++) await new Promise((done) => setTimeout(done, 1))",
        50 * limits.RESUME_FUEL,
    ),
    "requests": (
        "for (let i = 0; i < 5; i++) await Promise.all([1, 2, 3].map(() => fetch('http://a/')))",
        15 * limits.FETCH_FUEL,
    ),
    "the cache": (
        "const text = 'x'.repeat(1e5); for (let i = 0; i < 5; i++) await cache.load('k' + i, -1, async () => text)",
        5 * 100_000 * limits.CACHE_BYTE_FUEL,
    ),
}


@pytest.mark.parametrize(("body", "least"), WORK.values(), ids=WORK)
def test_the_host_s_work_is_counted_where_the_processor_is_shared(
    stage_with: Callable[..., Stage], body: str, least: int
) -> None:
    """Hardly any fuel of its own, and yet it would keep the event loop busy: neighbours had a sixth of their share."""
    stage = stage_with(fetch=Counting(), clock=FakeClock())
    function = stage.function(
        f"async function onTrack(event) {{ {body}; return event }}", isolation="hermetic", tenant="busy"
    )
    before = function.tenant.virtual_time

    outcome = stage.invoke(function)

    assert outcome.cause is Cause.FORWARD, outcome
    assert function.tenant.virtual_time - before >= least + outcome.fuel
