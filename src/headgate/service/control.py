"""
The control interface of a worker, on a Unix socket in the data directory, for the other workers and the
command line. It needs no authentication, because only the owner of the server can access the directory.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import orjson

from headgate.pipeline import debugger
from headgate.queue.model import DeadJob, Lane
from headgate.service.endpoints import JSON, Endpoints, Response

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping, Sequence

    from headgate.pipeline.debugger import Seen, SourceDebugger
    from headgate.queue.protocol import Queue
    from headgate.service.endpoints import Request

TIMEOUT_S: Final = 5.0
"""How long a worker may take to answer."""

T = TypeVar("T")


class Unreachable(Exception):
    """No worker answers on the socket."""


def application(
    queues: Mapping[int, Queue], metrics: Callable[[], Awaitable[bytes]], seen: SourceDebugger
) -> Endpoints:
    """The endpoints of one worker. *queues* are by the number in the name of their file."""

    async def own_metrics(_: Request) -> Response:
        return Response(await metrics())

    async def numbers(_: Request) -> Response:
        return _json(list(queues))

    async def dead(request: Request) -> Response:
        wanted = orjson.loads(request.body)
        lane = Lane(*wanted["lane"]) if wanted["lane"] else None
        found = await queues[wanted["queue"]].dead(lane=lane, after=wanted["after"], limit=wanted["limit"])
        return _json([_to_json(job) for job in found])

    async def redrive(request: Request) -> Response:
        wanted = orjson.loads(request.body)
        return _json(await queues[wanted["queue"]].redrive(wanted["ids"]))

    async def events(request: Request) -> Response:
        return _json([debugger.to_json(each) for each in seen.recent(orjson.loads(request.body))])

    return Endpoints(
        {
            ("GET", "/metrics"): own_metrics,
            ("GET", "/queues"): numbers,
            ("POST", "/dead"): dead,
            ("POST", "/redrive"): redrive,
            ("POST", "/events"): events,
        }
    )


def _json(value: object) -> Response:
    return Response(orjson.dumps(value), JSON)


def listen(path: Path) -> socket.socket:
    """
    Creates the socket that `Control` connects to, replacing one
    that a dead process left. Raises OSError.
    """
    path.unlink(missing_ok=True)
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with _short(path) as short:
            listening.bind(short)
        listening.listen()
        listening.setblocking(False)
    except BaseException:
        listening.close()
        raise
    return listening


class Control:
    """A client of the worker that listens on *path*. All methods raise Unreachable if it does not answer."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def metrics(self) -> bytes:
        return await self._ask("GET", "/metrics")

    async def queues(self) -> list[int]:
        numbers: list[int] = orjson.loads(await self._ask("GET", "/queues"))
        return numbers

    async def dead(
        self, queue: int, *, lane: Lane | None = None, after: int = 0, limit: int = 100
    ) -> list[DeadJob]:
        wanted = {"queue": queue, "lane": lane and list(lane), "after": after, "limit": limit}
        return [_from_json(each) for each in orjson.loads(await self._ask("POST", "/dead", wanted))]

    async def redrive(self, queue: int, ids: Sequence[int]) -> int:
        wanted = {"queue": queue, "ids": list(ids)}
        count: int = orjson.loads(await self._ask("POST", "/redrive", wanted))
        return count

    async def events(self, source: str) -> list[Seen]:
        """The latest events of *source*, newest first."""
        return [debugger.from_json(each) for each in orjson.loads(await self._ask("POST", "/events", source))]

    async def _ask(self, method: str, path: str, wanted: object = None) -> bytes:
        import httpx  # noqa: PLC0415 - a server with one worker needs no client

        content = None if wanted is None else orjson.dumps(wanted)
        try:
            async with asyncio.timeout(TIMEOUT_S):
                with _short(self._path) as short:
                    transport = httpx.AsyncHTTPTransport(uds=short)
                    async with httpx.AsyncClient(transport=transport, timeout=TIMEOUT_S) as client:
                        response = await client.request(method, f"http://worker{path}", content=content)
                        response.raise_for_status()
                        return response.content
        except TimeoutError:
            raise Unreachable(f"no worker answers at {self._path} within {TIMEOUT_S:g} s") from None
        except (httpx.HTTPError, OSError) as error:
            raise Unreachable(f"no worker answers at {self._path}: {error}") from None


async def ask_all(
    workers: Sequence[Control], ask: Callable[[Control], Coroutine[Any, Any, T]]
) -> list[T | None]:
    """
    The answers of *workers*, all of whom are asked at once; None of one that does not answer, because it is
    being restarted or hangs.
    """

    async def one(worker: Control) -> T | None:
        try:
            return await ask(worker)
        except Unreachable:
            return None

    return await asyncio.gather(*map(one, workers))


@contextlib.contextmanager
def _short(path: Path) -> Iterator[str]:
    """
    An equivalent of *path* within the 107 bytes of a socket's name, which the path of a data directory may
    exceed.
    """
    names = Path("/proc/self/fd")
    if not names.is_dir():
        yield str(path)
        return
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield str(names / str(directory) / path.name)
    finally:
        os.close(directory)


def _to_json(job: DeadJob) -> list[Any]:
    fields = job._asdict() | {"lane": list(job.lane), "body": job.body.decode()}
    return list(fields.values())


def _from_json(value: list[Any]) -> DeadJob:
    fields = dict(zip(DeadJob._fields, value, strict=True))
    return DeadJob(**{**fields, "lane": Lane(*fields["lane"]), "body": fields["body"].encode()})
