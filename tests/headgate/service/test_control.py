"""The control sockets of workers: those that answer are heard, whatever the others do."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from uvicorn import Config

from headgate.pipeline.debugger import SourceDebugger
from headgate.service import control
from headgate.service.control import Control, Unreachable, ask_all
from headgate.service.exposition import joined, workers_up
from headgate.service.server import Server
from headgate_runtime import SystemClock


@contextlib.asynccontextmanager
async def worker(path: Path, metrics: bytes) -> AsyncIterator[Control]:
    """One that answers."""

    async def text() -> bytes:
        return metrics

    app = control.application({}, text, SourceDebugger(SystemClock()))
    listens = asyncio.Event()
    server = Server(Config(app, lifespan="off", access_log=False, log_config=None), listens.set)
    serving = asyncio.create_task(server.serve(sockets=[control.listen(path)]))
    await listens.wait()
    yield Control(path)
    server.stop()
    await serving


@contextlib.contextmanager
def hanging(path: Path) -> Iterator[Control]:
    """One that accepts a connection and says nothing."""
    with contextlib.closing(control.listen(path)):
        yield Control(path)


def test_those_that_answer_are_heard_though_others_hang(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control, "TIMEOUT_S", 0.5)

    async def main() -> None:
        with contextlib.ExitStack() as stack:
            hangs = [stack.enter_context(hanging(tmp_path / f"hangs {number}")) for number in range(20)]
            async with worker(tmp_path / "well", b"metrics of one") as well:
                began = time.monotonic()
                texts = await ask_all([*hangs, well, Control(tmp_path / "gone")], Control.metrics)
                assert texts == [*[None] * 20, b"metrics of one", None]
                # They are asked at once: one after the other, they would take 10 s.
                assert time.monotonic() - began < 5
                with pytest.raises(Unreachable, match=r"within 0\.5 s"):
                    await hangs[0].metrics()

    asyncio.run(main())


def test_a_worker_that_does_not_answer_shows() -> None:
    own = b'# HELP a b\n# TYPE a gauge\na{worker="0"} 3\n'

    text = joined([own, workers_up({0: True, 10: True, 9: False})]).decode()

    assert text.splitlines()[-3:] == [
        'headgate_worker_up{worker="0"} 1',
        'headgate_worker_up{worker="9"} 0',
        'headgate_worker_up{worker="10"} 1',
    ]
    assert {family.name for family in text_string_to_metric_families(text)} == {"a", "headgate_worker_up"}
