"""`headgate demo`: shows the whole service with sample events, and files to change."""

from __future__ import annotations

import argparse
import contextlib
import importlib.resources
import random
import sys
import time
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import orjson

from headgate.cli import apply
from headgate.cli.errors import OK, CommandError, file_error
from headgate.cli.numbers import whole
from headgate.cli.serve import PORT, PORT_DEFAULT
from headgate.cli.terminal import Terminal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import httpx

DIRECTORY: Final = "headgate-demo"
FILES: Final = ("headgate.toml", "tidy.js")
WRITE_KEY: Final = "demo-write-key"
SHOWN: Final = 12
"""Arriving events that are printed; the others are only counted."""

PAUSE_S: Final = 0.1
"""Between two requests of the client."""

ARRIVE_S: Final = 20.0
"""For the last events to arrive."""

_TEXT: Final = """\
Creates a directory with a source, a function and two destinations, starts a server on it, and sends the events of a
shop's visitors, as the official Node SDK would. Arriving events are shown. At a terminal the server then keeps running, so
that you can change the files and send your own events; otherwise the command ends.
"""

_EXAMPLES: Final = f"""\
examples:
  headgate demo
  headgate demo my-demo --events 2000 --port 8080

exit status:
  0  everything arrived
  2  the directory or the port cannot be used, or events are missing (default directory: {DIRECTORY})
"""


def add(add_command: Callable[..., argparse.ArgumentParser]) -> None:
    """Declares the command's arguments."""
    demo = add_command("demo", "watch the service at work", _TEXT, _EXAMPLES)
    demo.add_argument("directory", metavar="DIR", nargs="?", default=DIRECTORY, help=f"default: {DIRECTORY}")
    demo.add_argument(
        "--events", type=whole(1, 1_000_000), default=300, metavar="N", help="to send; default 300"
    )
    demo.add_argument("--port", type=PORT, default=0, metavar="N", help="default: any that is free")


def run(parsed: argparse.Namespace) -> int:
    """Raises CommandError."""
    from headgate.demo.server import ChildServer, ServerFailed  # noqa: PLC0415 - other commands start faster without

    directory = Path(parsed.directory)
    _prepare(directory)
    data = directory / "data"
    with contextlib.chdir(directory), contextlib.redirect_stdout(sys.stderr):
        apply.run(argparse.Namespace(file=apply.MANIFEST, data="data", yes=True, dry_run=False, prune=False))
    try:
        with ChildServer(data, parsed.port) as server:
            arrivals = _Arrivals(data / "sinks")
            print(f"headgate: listening on {server.url}; sending {parsed.events} events", file=sys.stderr)
            _send(server.url, parsed.events, arrivals)
            counts = _settled(server.url, arrivals)
            stays = sys.stdin.isatty() and sys.stderr.isatty()
            url = server.url if stays else f"http://127.0.0.1:{PORT_DEFAULT}"
            _tell(counts, arrivals, directory, url, stays=stays)
            if stays:
                _stay(arrivals)
    except ServerFailed as error:
        raise CommandError(str(error)) from None
    return OK


def _prepare(directory: Path) -> None:
    templates = importlib.resources.files("headgate") / "templates" / "demo"
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for name in FILES:
            path = directory / name
            if not path.exists():  # it may have been changed to be tried
                path.write_bytes((templates / name).read_bytes())
    except OSError as error:
        raise file_error(error, str(error.filename or directory)) from None


class _Arrivals:
    """Follows what sinks write; `count` is by sink."""

    def __init__(self, sinks: Path) -> None:
        self._sinks = sinks
        self._read: dict[Path, int] = {}
        self.count: dict[str, int] = {}
        self.printed = 0
        for path in sinks.glob("*.jsonl"):
            self._read[path] = path.stat().st_size

    def look(self, most: int = SHOWN) -> None:
        """Counts new events, and prints the first ones."""
        for path in sorted(self._sinks.glob("*.jsonl")):
            with path.open("rb") as file:
                file.seek(self._read.get(path, 0))
                lines = file.read().splitlines(keepends=True)
            whole = [line for line in lines if line.endswith(b"\n")]
            self._read[path] = self._read.get(path, 0) + sum(map(len, whole))
            self.count[path.stem] = self.count.get(path.stem, 0) + len(whole)
            for line in whole:
                if path.stem == "analytics" and self.printed < most:
                    self.printed += 1
                    print(_described(orjson.loads(line)), flush=True)


def _described(event: dict[str, Any]) -> str:
    name = event.get("event") or event.get("name") or ""
    told = event.get("properties") or event.get("traits") or {}
    told = {key: value for key, value in told.items() if not isinstance(value, list | dict)}
    who = event.get("userId") or event.get("anonymousId", "")[:8]
    return f"  {event['type']:<8} {name:<16} {who:<9} {orjson.dumps(told).decode()[:90]}"


def _send(url: str, count: int, arrivals: _Arrivals) -> None:
    from headgate.demo import traffic  # noqa: PLC0415

    terminal = Terminal()
    # Of the demonstration's own making, and nobody's secret.
    events = islice(traffic.visits(random.Random()), count)  # noqa: S311 - made-up visits, no secrets
    with _client(url) as client:
        sent = 0
        while batch := list(islice(events, traffic.FLUSH_AT)):
            answer = client.post(
                "/v1/batch",
                content=orjson.dumps(traffic.request(WRITE_KEY, batch)),
                headers=traffic.headers(WRITE_KEY),
            )
            if answer.status_code != 200:
                raise CommandError(f"the server answered {answer.status_code}: {answer.text[:200]}")
            sent += len(batch)
            terminal.erase()
            arrivals.look()
            terminal.bar(sent / count, f"{sent} of {count} sent")
            time.sleep(PAUSE_S)
        terminal.erase()


def _settled(url: str, arrivals: _Arrivals) -> dict[tuple[str, str], int]:
    """Counts by step and reason, once nothing waits any more. Raises CommandError when that takes too long."""
    until = time.monotonic() + ARRIVE_S
    with _client(url) as client:
        while time.monotonic() < until:
            text = client.get("/metrics").text
            if sum(value for name, _, value in _samples(text) if name == "headgate_queue_jobs") == 0:
                arrivals.look()
                break
            time.sleep(PAUSE_S)
        else:
            raise CommandError(f"events have not arrived within {ARRIVE_S:.0f} s; see {url}/metrics")
    counts: dict[tuple[str, str], int] = {}
    for name, labels, value in _samples(text):
        if name == "headgate_events_total":
            key = (labels["step"], labels["reason"])
            counts[key] = counts.get(key, 0) + int(value)
        elif name == "headgate_duplicates_total":
            counts["duplicates", ""] = int(value)
    return counts


def _tell(
    counts: dict[tuple[str, str], int], arrivals: _Arrivals, directory: Path, url: str, *, stays: bool
) -> None:
    data = directory / "data"
    more = sum(arrivals.count.values()) - arrivals.printed
    print(f"  ... and {more} more\n" if more > 0 else "")
    lines = (
        ("accepted", counts.get(("successfully-received", ""), 0)),
        ("sent twice, dropped", counts.get(("duplicates", ""), 0)),
        ("delivered, to two destinations", counts.get(("successful-delivery", ""), 0)),
        ("dropped by a filter", counts.get(("filtered-at-destination", "FILTERED_BY_RULES"), 0)),
        (
            "dropped by the function",
            counts.get(("filtered-at-destination", "filtered_at_insert_function"), 0),
        ),
        ("refused by the function", counts.get(("filtered-at-destination", "message_rejected"), 0)),
    )
    for text, count in lines:
        print(f"{count:>7}  {text}")
    # A server that is about to end takes no more events: what is said is then for the next one.
    begin = "" if stays else f"\n  headgate serve --data {data} --port {PORT_DEFAULT}"
    print(
        f"""
Every event ended in one outcome for each destination; {data}/sinks has what arrived.
To put in your own, change {directory}/tidy.js or {directory}/headgate.toml, then:

  headgate apply {directory}/headgate.toml --data {data}{begin}
  curl {url}/v1/track -H 'Content-Type: application/json' \\
    -d '{{"writeKey": "{WRITE_KEY}", "userId": "me", "event": "Tried", "properties": {{}}}}'

What was refused: headgate dead --data {data}"""
    )


def _stay(arrivals: _Arrivals) -> None:
    print("\nThe server goes on, and what arrives is shown. Ctrl-C ends it.", flush=True)
    with contextlib.suppress(KeyboardInterrupt):
        while True:
            arrivals.look(most=sys.maxsize)
            time.sleep(PAUSE_S)


def _client(url: str) -> httpx.Client:
    import httpx  # noqa: PLC0415

    return httpx.Client(base_url=url, timeout=10, trust_env=False)


def _samples(text: str) -> Iterator[tuple[str, dict[str, str], float]]:
    from prometheus_client.parser import text_string_to_metric_families  # noqa: PLC0415

    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            yield sample.name, sample.labels, sample.value
