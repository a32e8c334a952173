"""The main process: holds the data directory and the listening socket, and restarts workers that end."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import os
import resource
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
from headgate.service import gc_tuning, logs
from headgate.service.worker import Worker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

    from headgate.service.options import ServeOptions

_log = logging.getLogger("headgate.service")

BACKLOG: Final = 2_048
"""Maximum number of connections waiting to be accepted."""

RESTART_FIRST_S: Final = 0.1
"""Delay before a worker that ended is restarted; doubled each time it ends again soon."""

RESTART_LAST_S: Final = 10.0
"""Maximum delay before a restart."""

HEALTHY_S: Final = 30.0
"""After this lifetime of a worker the delay is RESTART_FIRST_S again."""

DESCRIPTORS: Final = 65_536
"""Descriptors that a worker may open, if the system allows so many."""

OVERDUE_S: Final = 10.0
"""
How long after the grace period a worker may still be ending, in seconds. Then it hangs, and is killed: what it
accepted is stored.
"""

SIBLING_ENDED: Final = signal.SIGUSR1
"""Tells a worker that another one has ended."""

_HANGS_UP: Final = () if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN else (signal.SIGHUP,)
"""SIGHUP, sent when the terminal is closed, unless it is ignored because of nohup."""

_STOP_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT, *_HANGS_UP)
"""The signals that end a server. None reloads the configuration, since changes apply at once."""

_LOOK_S: Final = 60.0
"""Maximum sleep of the supervisor without a signal."""


def serve(options: ServeOptions, on_ready: Callable[[str, str | None], None]) -> None:
    """
    Serves until a signal ends it. Once every worker listens, *on_ready* is called with the URL and, at the
    first start on a data directory, its owner's token (else None).

    Raises InUse if another server uses the data directory, OSError if the address is not available,
    WorkerFailed if one of several workers could not start, and what `Worker.run` raises.
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
                _Supervisor(options, listening).run(lambda: on_ready(url, token))
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
    _raise_descriptors()

    def ready() -> None:
        gc_tuning.tune()
        on_ready()

    async def work() -> None:
        worker = Worker(options, index)
        loop = asyncio.get_running_loop()
        for number in _STOP_SIGNALS:
            loop.add_signal_handler(number, worker.stop)
        loop.add_signal_handler(SIBLING_ENDED, worker.sibling_ended)
        await worker.run(listening, ready)

    uvloop.run(work())


def _raise_descriptors() -> None:
    """Allows this process DESCRIPTORS, as far as the system does: many systems start processes with 1,024."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = DESCRIPTORS if hard == resource.RLIM_INFINITY else min(DESCRIPTORS, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


class _WorkerProcess:
    """
    A worker process. *ready* is the read end of a pipe to which
    it writes once it listens; -1 if closed.
    """

    def __init__(self, pid: int, ready: int) -> None:
        self.pid = pid
        self.ready = ready
        self.began = time.monotonic()


class _Supervisor:
    """The workers, forked from this process, which starts no threads or event loops."""

    def __init__(self, options: ServeOptions, listening: socket.socket) -> None:
        self._options = options
        self._listening = listening
        self._processes: dict[int, _WorkerProcess] = {}
        self._pauses = dict.fromkeys(range(options.workers), RESTART_FIRST_S)
        self._restarts: dict[int, float] = {}
        """The workers that ended, and the monotonic time at which each is restarted."""
        self._stopping = False
        self._overdue_at = math.inf
        """The monotonic time after which workers that were told to end are killed."""

    def run(self, on_ready: Callable[[], None]) -> None:
        with _signals(self._stop) as waken:
            for index in range(self._options.workers):
                self._start(index)
            if self._wait_ready():
                on_ready()
            self._watch(waken)

    def _watch(self, waken: int) -> None:
        """Restarts workers until a signal has come and no worker is left."""
        while self._processes or not self._stopping:
            self._reap()
            now = time.monotonic()
            for index in [index for index, due in self._restarts.items() if due <= now]:
                del self._restarts[index]
                self._start(index)
            if now >= self._overdue_at:
                self._kill_overdue()
            if self._processes or not self._stopping:
                wait = min(self._overdue_at, *self._restarts.values(), now + _LOOK_S) - now
                select.select([waken], [], [], max(0.0, wait))
                with contextlib.suppress(BlockingIOError):
                    os.read(waken, 4_096)

    def _start(self, index: int) -> None:
        # A signal during the fork must reach both processes, so it stays blocked until each can handle it.
        signal.pthread_sigmask(signal.SIG_BLOCK, (*_STOP_SIGNALS, SIBLING_ENDED))
        if not self._stopping:
            self._fork(index)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, (*_STOP_SIGNALS, SIBLING_ENDED))

    def _fork(self, index: int) -> None:
        reading, writing = os.pipe()
        parent = os.getpid()
        pid = os.fork()
        if pid == 0:
            os.close(reading)
            self._be_worker(index, writing, parent)
        os.close(writing)
        self._processes[index] = _WorkerProcess(pid, reading)

    def _be_worker(self, index: int, writing: int, parent: int) -> None:
        """Runs a worker in the child process. Never returns."""
        status = 1
        try:
            signal.set_wakeup_fd(-1)
            for number in (*_STOP_SIGNALS, signal.SIGCHLD):
                signal.signal(number, signal.SIG_DFL)
            signal.signal(SIBLING_ENDED, signal.SIG_IGN)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, (*_STOP_SIGNALS, SIBLING_ENDED))
            _die_with(parent)
            for process in self._processes.values():
                if process.ready >= 0:
                    os.close(process.ready)

            def on_ready() -> None:
                os.write(writing, b"+")
                os.close(writing)

            _run_worker(self._options, index, self._listening, on_ready)
            status = 0
        except Exception as error:  # noqa: BLE001 - a child must not continue with its parent's code
            print(f"headgate: worker {index}: {error}", file=sys.stderr, flush=True)
        finally:
            sys.stderr.flush()
            os._exit(status)

    def _wait_ready(self) -> bool:
        """
        Waits until every worker listens; returns False if a signal came meanwhile. Raises WorkerFailed if one
        could not start, after all others have ended.
        """
        for process in list(self._processes.values()):
            listens = os.read(process.ready, 1) == b"+"
            os.close(process.ready)
            process.ready = -1
            if not listens and not self._stopping:
                self._stop(signal.SIGTERM, None)
                for left in self._processes.values():
                    os.waitpid(left.pid, 0)
                self._processes.clear()
                raise WorkerFailed("a worker could not start; what it said is above")
        return not self._stopping

    def _reap(self) -> None:
        """Collects the workers that have ended, schedules their restart and tells the others."""
        for index, process in list(self._processes.items()):
            pid, status = os.waitpid(process.pid, os.WNOHANG)
            if not pid:
                continue
            del self._processes[index]
            if process.ready >= 0:
                os.close(process.ready)
            if self._stopping:
                continue
            self._send_signal(SIBLING_ENDED)
            now = time.monotonic()
            pause = RESTART_FIRST_S if now - process.began >= HEALTHY_S else self._pauses[index]
            self._pauses[index] = min(pause * 2, RESTART_LAST_S)
            self._restarts[index] = now + pause
            how = os.waitstatus_to_exitcode(status)
            print(
                f"headgate: worker {index} ended ({how}); it is started again in {pause:g} s",
                file=sys.stderr,
                flush=True,
            )

    def _stop(self, number: int, _: object) -> None:
        if not self._stopping:
            self._overdue_at = time.monotonic() + self._options.grace_ms / 1e3 + OVERDUE_S
        self._stopping = True
        self._listening.close()  # so that new connections are refused instead of waiting
        self._send_signal(signal.Signals(number))

    def _kill_overdue(self) -> None:
        for index in self._processes:
            print(f"headgate: worker {index} does not end; it is killed", file=sys.stderr, flush=True)
        self._send_signal(signal.SIGKILL)
        self._overdue_at = math.inf

    def _send_signal(self, number: signal.Signals) -> None:
        for process in self._processes.values():
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid, number)


@contextlib.contextmanager
def _signals(stop: Callable[[int, FrameType | None], None]) -> Iterator[int]:
    """Calls *stop* on a signal to end. Yields a descriptor that becomes readable after any signal."""
    reading, writing = os.pipe()
    for descriptor in (reading, writing):
        os.set_blocking(descriptor, False)
    before = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    handlers = {number: signal.signal(number, stop) for number in _STOP_SIGNALS}
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
    """A worker could not start. It has printed the reason to stderr."""


def _die_with(parent: int) -> None:
    """
    Ends this worker when its supervisor is killed, so that the next
    server finds the data directory unused.
    """
    if sys.platform != "linux":
        return
    import ctypes  # noqa: PLC0415 - only here

    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGTERM)
    if os.getppid() != parent:  # it died before the call
        os.kill(os.getpid(), signal.SIGTERM)
