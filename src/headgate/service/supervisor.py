"""The process that people start: it holds the data directory and the listening socket, and keeps the workers alive."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import socket
import sys
import time
from typing import TYPE_CHECKING, Final

import uvloop

from headgate.queue.lock import FileLock
from headgate.registry.bootstrap import bootstrap
from headgate.registry.store import Registry
from headgate.service import logs
from headgate.service.worker import Worker

if TYPE_CHECKING:
    from collections.abc import Callable

    from headgate.service.options import ServeOptions

_log = logging.getLogger("headgate.service")

BACKLOG: Final = 2_048
"""Connections that wait to be accepted."""

RESTART_FIRST_S: Final = 0.1
"""After which a worker that died is started anew; doubled each time it dies again soon."""

RESTART_LAST_S: Final = 10.0
"""At most."""

HEALTHY_S: Final = 30.0
"""A worker that lived so long starts over with RESTART_FIRST_S."""


def serve(options: ServeOptions, on_ready: Callable[[str, str | None], None]) -> None:
    """
    Serves until SIGTERM or SIGINT. *on_ready* is told the URL once every worker listens, and, with the first start of a
    data directory, the token of its owner.

    Raises InUse when another server has the data directory, OSError for an address that cannot be had, and what
    `Worker.run` raises.
    """
    options.data.create()
    with FileLock(options.data.lock, f"the data directory {options.data}"):
        with Registry.open(options.data) as registry:
            token = bootstrap(registry)
        listening = listen(options.host, options.port)
        host, port = listening.getsockname()[:2]
        url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
        try:
            if options.workers == 1:
                _run_worker(options, 0, listening, lambda: on_ready(url, token))
            else:
                _Crew(options, listening).run(lambda: on_ready(url, token))
        finally:
            listening.close()


def listen(host: str, port: int) -> socket.socket:
    """A listening socket. Raises OSError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen(BACKLOG)
        listening.setblocking(False)
    except BaseException:
        listening.close()
        raise
    return listening


def _run_worker(
    options: ServeOptions, index: int, listening: socket.socket, on_ready: Callable[[], None]
) -> None:
    as_json = options.json_logs if options.json_logs is not None else not sys.stderr.isatty()
    logs.configure(as_json=as_json)

    async def work() -> None:
        worker = Worker(options, index)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, worker.stop)
        await worker.run(listening, on_ready)

    uvloop.run(work())


class _Member:
    """A worker process. *ready* is the end of a pipe that it writes to once it listens."""

    def __init__(self, pid: int, ready: int) -> None:
        self.pid = pid
        self.ready = ready
        self.began = time.monotonic()


class _Crew:
    """Workers as children of this process, forked before any thread or event loop is begun."""

    def __init__(self, options: ServeOptions, listening: socket.socket) -> None:
        self._options = options
        self._listening = listening
        self._members: dict[int, _Member] = {}
        self._pauses = dict.fromkeys(range(options.workers), RESTART_FIRST_S)
        self._stopping = False

    def run(self, on_ready: Callable[[], None]) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        for index in range(self._options.workers):
            self._start(index)
        if self._wait_ready():
            on_ready()
        while self._members:
            self._reap()

    def _start(self, index: int) -> None:
        reading, writing = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(reading)
            self._be_worker(index, writing)
        os.close(writing)
        self._members[index] = _Member(pid, reading)

    def _be_worker(self, index: int, writing: int) -> None:
        """Never returns."""
        status = 1
        try:
            _die_with_parent()
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, signal.SIG_DFL)
            for member in self._members.values():
                os.close(member.ready)

            def on_ready() -> None:
                os.write(writing, b"+")
                os.close(writing)

            _run_worker(self._options, index, self._listening, on_ready)
            status = 0
        except Exception as error:  # noqa: BLE001 - the last stop: a child must not go on as its parent
            print(f"headgate: worker {index}: {error}", file=sys.stderr, flush=True)
        finally:
            sys.stderr.flush()
            os._exit(status)

    def _wait_ready(self) -> bool:
        """Whether every worker listens; False when one could not, after which none is left."""
        for member in list(self._members.values()):
            listens = os.read(member.ready, 1) == b"+"
            os.close(member.ready)
            member.ready = -1
            if not listens and not self._stopping:
                self._stop(signal.SIGTERM, None)
                while self._members:
                    self._reap()
                raise WorkerFailed("a worker could not start; what it said is above")
        return not self._stopping

    def _reap(self) -> None:
        try:
            pid, status = os.wait()
        except ChildProcessError:
            self._members.clear()
            return
        index = next((index for index, member in self._members.items() if member.pid == pid), None)
        if index is None:
            return
        member = self._members.pop(index)
        if member.ready >= 0:
            os.close(member.ready)
        if self._stopping:
            return
        lived = time.monotonic() - member.began
        pause = RESTART_FIRST_S if lived >= HEALTHY_S else self._pauses[index]
        self._pauses[index] = min(pause * 2, RESTART_LAST_S)
        how = os.waitstatus_to_exitcode(status)
        print(
            f"headgate: worker {index} ended ({how}); it is started again in {pause:g} s",
            file=sys.stderr,
            flush=True,
        )
        time.sleep(pause)
        if not self._stopping:
            self._start(index)

    def _stop(self, number: int, _: object) -> None:
        self._stopping = True
        for member in self._members.values():
            with contextlib.suppress(ProcessLookupError):
                os.kill(member.pid, signal.SIGTERM if number == signal.SIGTERM else signal.SIGINT)


class WorkerFailed(Exception):
    """A worker could not start. It has said why on stderr."""


def _die_with_parent() -> None:
    """Workers do not outlive a supervisor that was killed: their successor must find the data directory free."""
    if sys.platform != "linux":
        return
    import ctypes  # noqa: PLC0415 - only here

    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGTERM)
    if os.getppid() == 1:
        os.kill(os.getpid(), signal.SIGTERM)
