"""The threads of the system resolver are divided fairly among tenants."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest

from headgate_runtime.fetch import SystemFailure, SystemResolver
from headgate_runtime.fetch.limits import TENANT_LOOKUPS, TOTAL_LOOKUPS
from tests.runtime.fakes import until
from tests.runtime.fetch.asking import in_loop

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

HOGS = TOTAL_LOOKUPS // TENANT_LOOKUPS


class Names:
    """Stands in for the system: names that begin with "slow" are not answered until `answer` is called."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self._slow: dict[str, threading.Event] = {}
        self._lock = threading.Lock()
        self._ended = False

    def look_up(self, host: str) -> list[tuple[Any, ...]]:
        with self._lock:
            self.begun.append(host)
            answered = self._slow.setdefault(host, threading.Event())
            if self._ended or not host.startswith("slow"):
                answered.set()
        answered.wait(20)
        return [(0, 0, 0, "", ("192.0.2.1", 0))]

    def answer(self, host: str) -> None:
        self._slow[host].set()

    def end(self) -> None:
        with self._lock:
            self._ended = True
            for each in self._slow.values():
                each.set()


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Iterator[Names]:
    stand_in = Names()
    monkeypatch.setattr("headgate_runtime.fetch.resolver._getaddrinfo", stand_in.look_up)
    yield stand_in
    stand_in.end()


@pytest.fixture
def resolver() -> Iterator[SystemResolver]:
    made = SystemResolver()
    yield made
    made.close()


def begin(resolver: SystemResolver, tenant: str, *hosts: str) -> list[asyncio.Future[Sequence[str]]]:
    look_up = resolver.of(tenant)
    return [asyncio.ensure_future(look_up(host)) for host in hosts]


async def settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


@in_loop
async def test_a_tenant_whose_names_are_not_answered_leaves_threads_to_others(
    names: Names, resolver: SystemResolver
) -> None:
    bad = begin(resolver, "bad", *(f"slow{number}" for number in range(2 * TENANT_LOOKUPS)))
    await until(lambda: len(names.begun) >= TENANT_LOOKUPS)
    assert await resolver.of("good")("fine") == ["192.0.2.1"]
    await settle()
    assert len(names.begun) == TENANT_LOOKUPS + 1
    names.answer("slow0")
    await until(lambda: f"slow{TENANT_LOOKUPS}" in names.begun)
    names.end()
    assert await asyncio.gather(*bad) == [["192.0.2.1"]] * len(bad)


@in_loop
async def test_a_free_thread_goes_to_the_tenant_with_the_fewest_lookups(
    names: Names, resolver: SystemResolver
) -> None:
    hosts = range(TENANT_LOOKUPS + 1)
    bad = [
        each
        for hog in range(HOGS)
        for each in begin(resolver, f"bad{hog}", *(f"slow{hog}.{number}" for number in hosts))
    ]
    await until(lambda: len(names.begun) >= TOTAL_LOOKUPS)
    good = begin(resolver, "good", "fine")
    await settle()
    assert len(names.begun) == TOTAL_LOOKUPS
    names.answer("slow0.0")
    assert await asyncio.gather(*good) == [["192.0.2.1"]]
    assert names.begun[TOTAL_LOOKUPS] == "fine"
    names.end()
    await asyncio.gather(*bad)


@in_loop
async def test_callers_that_give_up_take_no_threads(names: Names, resolver: SystemResolver) -> None:
    begun = begin(resolver, "bad", *(f"slow{number}" for number in range(TENANT_LOOKUPS)))
    waiting = begin(resolver, "bad", "slow-given-up", "slow-next")
    await until(lambda: len(names.begun) == TENANT_LOOKUPS)
    waiting[0].cancel()
    begun[0].cancel()  # its thread goes on
    await settle()
    assert len(names.begun) == TENANT_LOOKUPS
    names.answer("slow0")
    await until(lambda: len(names.begun) == TENANT_LOOKUPS + 1)
    assert names.begun[-1] == "slow-next"
    names.end()
    await asyncio.gather(*begun[1:], waiting[1])
    # All threads are free again.
    assert (
        len(await asyncio.gather(*begin(resolver, "bad", *["fine"] * 3 * TENANT_LOOKUPS)))
        == 3 * TENANT_LOOKUPS
    )


@in_loop
async def test_a_lookup_without_a_thread_fails_and_gives_its_turn_back(
    monkeypatch: pytest.MonkeyPatch, names: Names, resolver: SystemResolver
) -> None:
    def fail(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", fail)
        for _ in range(TENANT_LOOKUPS + 1):
            with pytest.raises(SystemFailure, match="EAI_AGAIN"):
                await resolver.of("unlucky")("fine")
            await settle()
    assert await resolver.of("unlucky")("fine") == ["192.0.2.1"]
    assert names.begun == ["fine"]


@in_loop
async def test_what_waits_is_cancelled_when_the_resolver_is_closed(
    names: Names, resolver: SystemResolver
) -> None:
    bad = begin(resolver, "bad", *(f"slow{number}" for number in range(TENANT_LOOKUPS + 1)))
    await until(lambda: len(names.begun) == TENANT_LOOKUPS)
    resolver.close()
    with pytest.raises(asyncio.CancelledError):
        await bad[-1]
    names.end()
    await asyncio.gather(*bad[:-1])


_LEFT = """
import asyncio, threading
from headgate_runtime.fetch import resolver

begun = threading.Event()

def hang(host):
    begun.set()
    threading.Event().wait()

resolver._getaddrinfo = hang

async def main():
    looking = asyncio.ensure_future(resolver.SystemResolver()("slow"))
    await asyncio.to_thread(begun.wait)
    looking.cancel()

asyncio.run(main())
print("ended")
"""


def test_a_process_ends_without_the_lookups_in_progress() -> None:
    ended = subprocess.run(
        [sys.executable, "-W", "error", "-c", _LEFT], capture_output=True, text=True, timeout=30, check=True
    )
    assert (ended.stdout, ended.stderr) == ("ended\n", "")
