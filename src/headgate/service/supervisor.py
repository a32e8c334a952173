"""The process that people start: it holds the data directory and the listening socket, and keeps the workers alive."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import select
import signal
import socket
import sys
import time
from typing import TYPE_CHECKING, Final

import uvloop

from headgate.queue.lock import FileLock
from headgate.registry.bootstrap import bootstrap
from headgate.registry.store import Registry
from headgate.service import garbage, logs
from headgate.service.worker import Worker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

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

SIBLING_ENDED: Final = signal.SIGUSR1
"""Tells a worker that another one has ended."""

_HANGS_UP: Final = () if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN else (signal.SIGHUP,)
"""When its terminal is closed, unless nohup keeps that from it."""

_TOLD: Final = (signal.SIGTERM, signal.SIGINT, *_HANGS_UP)
"""How a server is told to end. There is none to read anything anew: changes hold at once."""

_LOOK_S: Final = 60.0
"""How long nothing is looked at unless a signal comes."""


def serve(options: ServeOptions, on_ready: Callable[[str, str | None], None]) -> None:
    """
    Serves until it is told to end. *on_ready* is told the URL once every worker listens, and, with the first start of a
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

    def ready() -> None:
        garbage.tune()
        on_ready()

    async def work() -> None:
        worker = Worker(options, index)
        loop = asyncio.get_running_loop()
        for number in _TOLD:
            loop.add_signal_handler(number, worker.stop)
        loop.add_signal_handler(SIBLING_ENDED, worker.sibling_ended)
        await worker.run(listening, ready)

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
        self._restarts: dict[int, float] = {}
        """Workers that ended, and when (on the monotonic clock) each is started again."""
        self._stopping = False

    def run(self, on_ready: Callable[[], None]) -> None:
        with _signals(self._stop) as waken:
            for index in range(self._options.workers):
                self._start(index)
            if self._wait_ready():
                on_ready()
            self._watch(waken)

    def _watch(self, waken: int) -> None:
        """Until it is told to stop and no worker is left."""
        while self._members or not self._stopping:
            self._reap()
            now = time.monotonic()
            for index in [index for index, due in self._restarts.items() if due <= now]:
                del self._restarts[index]
                self._start(index)
            if self._members or not self._stopping:
                wait = min(self._restarts.values(), default=now + _LOOK_S) - now
                select.select([waken], [], [], max(0.0, wait))
                with contextlib.suppress(BlockingIOError):
                    os.read(waken, 4_096)

    def _start(self, index: int) -> None:
        # Told to end in the middle of this, both ends must hear of it: each when it can act on it.
        signal.pthread_sigmask(signal.SIG_BLOCK, (*_TOLD, SIBLING_ENDED))
        if not self._stopping:
            self._fork(index)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, (*_TOLD, SIBLING_ENDED))

    def _fork(self, index: int) -> None:
        reading, writing = os.pipe()
        parent = os.getpid()
        pid = os.fork()
        if pid == 0:
            os.close(reading)
            self._be_worker(index, writing, parent)
        os.close(writing)
        self._members[index] = _Member(pid, reading)

    def _be_worker(self, index: int, writing: int, parent: int) -> None:
        """Never returns."""
        status = 1
        try:
            signal.set_wakeup_fd(-1)
            for number in (*_TOLD, signal.SIGCHLD):
                signal.signal(number, signal.SIG_DFL)
            signal.signal(SIBLING_ENDED, signal.SIG_IGN)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, (*_TOLD, SIBLING_ENDED))
            _die_with(parent)
            for member in self._members.values():
                if member.ready >= 0:
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
        """Whether every worker listens. Raises WorkerFailed when one could not, after which none is left."""
        for member in list(self._members.values()):
            listens = os.read(member.ready, 1) == b"+"
            os.close(member.ready)
            member.ready = -1
            if not listens and not self._stopping:
                self._stop(signal.SIGTERM, None)
                for left in self._members.values():
                    os.waitpid(left.pid, 0)
                self._members.clear()
                raise WorkerFailed("a worker could not start; what it said is above")
        return not self._stopping

    def _reap(self) -> None:
        """Takes note of the workers that have ended."""
        for index, member in list(self._members.items()):
            pid, status = os.waitpid(member.pid, os.WNOHANG)
            if not pid:
                continue
            del self._members[index]
            if member.ready >= 0:
                os.close(member.ready)
            if self._stopping:
                continue
            self._tell(SIBLING_ENDED)
            now = time.monotonic()
            pause = RESTART_FIRST_S if now - member.began >= HEALTHY_S else self._pauses[index]
            self._pauses[index] = min(pause * 2, RESTART_LAST_S)
            self._restarts[index] = now + pause
            how = os.waitstatus_to_exitcode(status)
            print(
                f"headgate: worker {index} ended ({how}); it is started again in {pause:g} s",
                file=sys.stderr,
                flush=True,
            )

    def _stop(self, number: int, _: object) -> None:
        self._stopping = True
        self._listening.close()  # or who connects waits for workers that accept nothing more, instead of being refused
        self._tell(signal.Signals(number))

    def _tell(self, number: signal.Signals) -> None:
        for member in self._members.values():
            with contextlib.suppress(ProcessLookupError):
                os.kill(member.pid, number)


@contextlib.contextmanager
def _signals(stop: Callable[[int, FrameType | None], None]) -> Iterator[int]:
    """Calls *stop* when the process is told to end. Gives a descriptor that can be read from after any signal."""
    reading, writing = os.pipe()
    for descriptor in (reading, writing):
        os.set_blocking(descriptor, False)
    before = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    handlers = {number: signal.signal(number, stop) for number in _TOLD}
    handlers[signal.SIGCHLD] = signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
    try:
        yield reading
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(before)
        os.close(reading)
        os.close(writing)


class WorkerFailed(Exception):
    """A worker could not start. It has said why on stderr."""


def _die_with(parent: int) -> None:
    """Workers do not outlive a supervisor that was killed: their successor must find the data directory free."""
    if sys.platform != "linux":
        return
    import ctypes  # noqa: PLC0415 - only here

    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGTERM)
    if os.getppid() != parent:  # it died before that
        os.kill(os.getpid(), signal.SIGTERM)
