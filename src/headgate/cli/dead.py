"""`headgate dead` and `headgate redrive`: lists dead letters, and tries them again."""

from __future__ import annotations

import asyncio
import contextlib
import re
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, Protocol

import orjson

from headgate.cli.destinations import identified, names
from headgate.cli.errors import IMPERFECT, OK, CommandError
from headgate.cli.numbers import whole
from headgate.cli.serve import add_data
from headgate.cli.terminal import printable
from headgate.paths import DataDirectory

if TYPE_CHECKING:
    import argparse
    from collections.abc import AsyncIterator, Callable, Sequence

    from headgate.queue.model import DeadJob, Lane
    from headgate.queue.protocol import Queue

PAGE: Final = 500
"""Dead letters fetched at once."""

MESSAGE_CHARS: Final = 1_000
"""Most characters shown of the reason; --json shows all of it."""

_DEAD: Final = """\
Lists dead letters, oldest first: events that a function or a destination refused, and events that ran out of retries.
They are kept for seven days. Works with and without a running server.
"""

_DEAD_EXAMPLES: Final = """\
examples:
  headgate dead
  headgate dead --destination "web / Warehouse" --limit 20
  headgate dead --json > dead.jsonl
"""

_REDRIVE: Final = """\
Tries dead letters again from the beginning, with all attempts and the currently deployed function.
"""

_REDRIVE_EXAMPLES: Final = """\
examples:
  headgate redrive 0.17 0.18
  headgate redrive --destination Warehouse
  headgate redrive --all

exit status:
  0  all of them are due again
  1  some were not found
  2  the data directory cannot be read
"""

_ID: Final = re.compile(r"([0-9]{1,6})\.([0-9]{1,18})")
"""A dead event's id: the number of its queue, and its number there."""


class _DeadLetters(Protocol):
    """Dead letters by queue: those of a running server (Control), or of a queue's file."""

    async def dead(
        self, queue: int, *, lane: Lane | None = None, after: int = 0, limit: int = 100
    ) -> list[DeadJob]: ...

    async def redrive(self, queue: int, ids: Sequence[int]) -> int: ...


def add(add_command: Callable[..., argparse.ArgumentParser]) -> None:
    """Declares the arguments of both commands."""
    dead = add_command("dead", "list dead letters", _DEAD, _DEAD_EXAMPLES)
    add_data(dead)
    dead.add_argument(
        "--destination",
        metavar="NAME",
        help="only those for this destination: its name, SOURCE / NAME, or id",
    )
    dead.add_argument(
        "--limit", type=whole(1, 1_000_000), metavar="N", default=100, help="at most; default 100"
    )
    dead.add_argument("--json", action="store_true", help="a JSON object a line, with the event")

    redrive = add_command("redrive", "try dead letters again", _REDRIVE, _REDRIVE_EXAMPLES)
    add_data(redrive)
    redrive.add_argument("ids", metavar="ID", nargs="*", help="as `headgate dead` shows them")
    redrive.add_argument("--destination", metavar="NAME", help="all for this destination")
    redrive.add_argument("--all", action="store_true", help="all there are")


def run(parsed: argparse.Namespace) -> int:
    """The exit status. Raises CommandError."""
    if parsed.command == "dead":
        return asyncio.run(_list(parsed))
    if bool(parsed.ids) + bool(parsed.destination) + parsed.all != 1:
        raise CommandError("redrive wants ids, --destination or --all: one of them")
    return asyncio.run(_redrive(parsed))


async def _list(parsed: argparse.Namespace) -> int:
    left = parsed.limit
    directory = DataDirectory(parsed.data)
    async with _dead_letters(directory) as queues:
        known = names(directory)
        destination = identified(parsed.destination, known) if parsed.destination else None
        for queue, letters in queues.items():
            async for job in _all(queue, letters, destination):
                if not left:
                    return OK
                left -= 1
                name = known.get(job.lane.destination)
                print(_as_json(queue, job, name) if parsed.json else _as_text(queue, job, name))
    return OK


async def _redrive(parsed: argparse.Namespace) -> int:
    directory = DataDirectory(parsed.data)
    async with _dead_letters(directory) as queues:
        destination = identified(parsed.destination, names(directory)) if parsed.destination else None
        wanted: dict[int, list[int]] = {queue: [] for queue in queues}
        missing = 0
        for text in parsed.ids:
            queue, number = _parse_id(text)
            if queue in wanted:
                wanted[queue].append(number)
            else:
                missing += 1
        if not parsed.ids:
            for queue, letters in queues.items():
                wanted[queue] = [job.id async for job in _all(queue, letters, destination)]
        found = 0
        for queue, ids in wanted.items():
            for start in range(0, len(ids), PAGE):
                some = ids[start : start + PAGE]
                count = await queues[queue].redrive(queue, some)
                found += count
                missing += len(some) - count
    print(f"headgate: {found} due again{f', {missing} not found' if missing else ''}", file=sys.stderr)
    return IMPERFECT if missing else OK


async def _all(queue: int, letters: _DeadLetters, destination: str | None) -> AsyncIterator[DeadJob]:
    after = 0
    while page := await letters.dead(queue, after=after, limit=PAGE):
        after = page[-1].id
        for job in page:
            if destination in (None, job.lane.destination):
                yield job


@contextlib.asynccontextmanager
async def _dead_letters(directory: DataDirectory) -> AsyncIterator[dict[int, _DeadLetters]]:
    """By queue: from the running server's workers, or from the files if none runs. Raises CommandError."""
    from headgate.queue.clock import ServiceClock  # noqa: PLC0415 - other commands start faster without
    from headgate.queue.lock import FileLock, InUse  # noqa: PLC0415
    from headgate.queue.protocol import QueueBroken  # noqa: PLC0415
    from headgate.queue.sqlite import SqliteQueue  # noqa: PLC0415
    from headgate.service.control import Control, Unreachable  # noqa: PLC0415
    from headgate_runtime import SystemClock  # noqa: PLC0415

    if not directory.registry.is_file() and not (directory.root.is_dir() and directory.queues()):
        raise CommandError(f"there is no data directory {directory}; `headgate serve` makes one")
    queues: dict[int, _DeadLetters] = {}
    try:
        with FileLock(directory.lock, f"the data directory {directory}"):
            async with contextlib.AsyncExitStack() as stack:
                clock = ServiceClock(SystemClock())
                for number, path in directory.queues().items():
                    queue = await SqliteQueue.open(path, clock=clock)
                    stack.push_async_callback(queue.close)
                    queues[number] = _StoredDeadLetters(queue)
                yield queues
            return
    except InUse:
        pass
    except QueueBroken as error:
        raise CommandError(str(error)) from None
    try:
        for path in sorted(directory.root.glob("worker-*.sock")):
            control = Control(path)
            queues |= dict.fromkeys(await control.queues(), control)
        yield queues
    except Unreachable as error:
        raise CommandError(str(error)) from None


class _StoredDeadLetters:
    """The dead letters of one queue's file, while no server runs."""

    def __init__(self, queue: Queue) -> None:
        self._queue = queue

    async def dead(
        self, queue: int, *, lane: Lane | None = None, after: int = 0, limit: int = 100
    ) -> list[DeadJob]:
        del queue
        return await self._queue.dead(lane=lane, after=after, limit=limit)

    async def redrive(self, queue: int, ids: Sequence[int]) -> int:
        del queue
        return await self._queue.redrive(ids)


def _id(queue: int, job: DeadJob) -> str:
    return f"{queue}.{job.id}"


def _parse_id(text: str) -> tuple[int, int]:
    found = _ID.fullmatch(text)
    if found is None:
        raise CommandError(f"{text!r} is no id of a dead event; `headgate dead` shows them, like 0.17")
    return int(found[1]), int(found[2])


def _as_text(queue: int, job: DeadJob, destination: str | None) -> str:
    died = datetime.fromtimestamp(job.died_at / 1e3, UTC).isoformat(timespec="seconds")
    attempts = f"{job.attempts} attempt{'s' * (job.attempts != 1)}"
    # Anybody with a write key chooses message ids, and functions and destinations choose messages.
    told = printable(f"{job.reason}: {job.message}", MESSAGE_CHARS)
    return (
        f"{_id(queue, job)}  {died}  {destination or job.lane.destination}  {job.event_type}  {printable(job.message_id)}  "
        f"{attempts}  {told}"
    )


def _as_json(queue: int, job: DeadJob, destination: str | None) -> str:
    return orjson.dumps(
        {
            "id": _id(queue, job),
            "diedAt": datetime.fromtimestamp(job.died_at / 1e3, UTC).isoformat(timespec="milliseconds"),
            "workspaceId": job.lane.workspace,
            "destination": destination,
            "destinationId": job.lane.destination,
            "sourceId": job.source,
            "messageId": job.message_id,
            "type": job.event_type,
            "attempts": job.attempts,
            "reason": job.reason,
            "message": job.message,
            "event": orjson.Fragment(job.body),
        }
    ).decode()
