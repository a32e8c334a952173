"""Runs events through a function, as `headgate run` does."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from headgate.cli import fetching, functions, settings
from headgate.cli.entry_lock import EntryLock, ReleasingClock
from headgate.cli.errors import IMPERFECT, INTERRUPTED, OK, READER_GONE, CommandError, file_error
from headgate.cli.events import Feed
from headgate.cli.flow import Flow
from headgate.cli.pipes import Sink, Source
from headgate.cli.records import Recorder
from headgate.cli.summary import Summary
from headgate.cli.terminal import Terminal
from headgate.outcomes import line_of
from headgate_runtime import Executor

if TYPE_CHECKING:
    from headgate.cli.events import Portion
    from headgate.cli.flow import Settled
    from headgate_runtime import Image, Limits

BAR_S: Final = 0.1
"""Between two drawings of the progress bar."""

STDIN: Final = 0
STDOUT: Final = 1


class Options(NamedTuple):
    """The command line of `headgate run`."""

    function: str
    events: str | None
    settings: str | None
    isolation: Literal["warm", "hermetic"]
    batch: int | None
    outcomes: bool
    record: str | None
    record_line: int | None
    mock: str | None
    allow_private: bool
    keep_alive: bool
    limits: Limits


def execute(options: Options) -> int:
    """The exit status. Raises CommandError."""
    if options.record_line is not None and options.record is None:
        raise CommandError("--record-line says which event to record: give --record FILE.json as well")
    values = settings.load(options.settings)
    events, name = _open(options.events)
    try:
        image = functions.load(options.function, options.limits)
        if options.batch is not None and "onBatch" not in image.handlers:
            raise CommandError(
                f"{options.function}: has no onBatch handler to give batches to; leave out --batch"
            )
        return asyncio.run(_Run(options, image, values, events, name).run())
    finally:
        os.close(events)


def _open(name: str | None) -> tuple[int, str]:
    if name is None and os.isatty(STDIN):
        raise CommandError("no events: name a file of events, one JSON object a line, or pipe them in")
    try:
        if name is None or name == "-":
            return os.dup(STDIN), "stdin"
        if Path(name).is_dir():
            raise CommandError(f"{name}: is a directory; name a file of events, one JSON object a line")
        return os.open(name, os.O_RDONLY), name
    except OSError as error:
        raise file_error(error, name or "stdin") from None


class _Run:
    def __init__(self, options: Options, image: Image, values: bytes, events: int, name: str) -> None:
        self._options = options
        self._image = image
        self._settings = values
        self._events = events
        self._name = name
        self._summary = Summary()
        self._terminal = Terminal()
        self._recorder = (
            Recorder(options.record, options.function, options.record_line) if options.record else None
        )
        self._done_bytes = 0
        self._done_line = 0
        self._size: int | None = None

    async def run(self) -> int:
        options = self._options
        source = Source(self._events, self._name)
        self._size = source.size
        started = time.monotonic()
        service = fetching.service(
            options.mock, allow_private=options.allow_private, keep_alive=options.keep_alive
        )
        entry = EntryLock()
        async with service as fetch, Executor(fetch=fetch, clock=ReleasingClock(entry)) as executor:
            function = executor.function(
                self._image, self._settings, isolation=options.isolation, limits=options.limits
            )
            feed = Feed(source, batch_max=options.batch, bytes_max=options.limits.input_bytes)
            flow = Flow(
                *(executor, function, feed, Sink(STDOUT), self._report, self._wants),
                entry=entry,
                batch=options.batch is not None,
                tracer=fetching.tracer(self._settings) if options.outcomes else None,
            )
            loop = asyncio.get_running_loop()

            def interrupt() -> None:
                loop.remove_signal_handler(signal.SIGINT)  # the second one ends us at once
                flow.stop()

            loop.add_signal_handler(signal.SIGINT, interrupt)
            bar = asyncio.create_task(self._draw(started))
            try:
                await flow.run()
            except BrokenPipeError:
                return READER_GONE
            finally:
                bar.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await bar
                self._terminal.erase()
        self._conclude(time.monotonic() - started, flow.stopped)
        if flow.stopped:
            return INTERRUPTED
        return IMPERFECT if self._summary.imperfect else OK

    def _wants(self, portion: Portion) -> bool:
        return self._recorder is not None and self._recorder.wants(portion)

    def _report(self, settled: Settled) -> bytes:
        lines = settled.portion.lines
        self._done_bytes, self._done_line = lines[-1].end, lines[-1].number
        if settled.fault is not None:
            for line in lines:
                self._summary.count_malformed(line.number)
                self._terminal.line(f"{self._name}:{line.number}: skipped: {settled.fault}")
            return b""
        outcomes = settled.outcomes
        self._summary.count_invocation(outcomes[0])
        for line, outcome in zip(lines, outcomes, strict=True):
            self._summary.count(line.number, outcome)
        if self._recorder is not None:
            self._recorder.see(settled)
        if self._options.outcomes:
            # Told where there is something to tell, and always of canned replies: there it is what people look for.
            requests = settled.requests if settled.requests or self._options.mock else None
            return b"".join(line_of(outcome, requests) for outcome in outcomes)
        return b"".join(outcome.output + b"\n" for outcome in outcomes if outcome.output is not None)

    async def _draw(self, started: float) -> None:
        # Events that scroll by are progress enough, and would write over the bar.
        if not self._terminal.interactive or os.isatty(STDOUT):
            return
        while True:
            await asyncio.sleep(BAR_S)
            count, seconds = self._summary.events, time.monotonic() - started
            share = None if not self._size else self._done_bytes / self._size
            self._terminal.bar(share, f"{count:,} events, {count / seconds:,.0f} a second")

    def _conclude(self, seconds: float, interrupted: bool) -> None:
        summary, terminal = self._summary, self._terminal
        terminal.line(summary.table(seconds, terminal) if terminal.interactive else summary.line(seconds))
        if interrupted:
            terminal.line(f"headgate: interrupted after line {self._done_line} of {self._name}")
        if self._recorder is not None and self._options.record is not None:
            saved = self._recorder.saved_line
            if saved is not None:
                terminal.line(
                    f"headgate: recorded line {saved} in {self._options.record}; it holds the settings"
                )
            elif self._options.record_line is not None:
                terminal.line(f"headgate: recorded nothing: line {self._options.record_line} is no event")
            else:
                terminal.line("headgate: recorded nothing: every event was forwarded")
