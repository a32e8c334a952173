"""A workspace whose events meet every possible fate, and the check of what arrived and was counted at the end."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import orjson

from headgate.paths import DataDirectory
from headgate.queue.clock import ServiceClock
from headgate.queue.model import Step
from headgate.queue.sqlite import SqliteQueue
from headgate.registry.snapshot_store import SnapshotStore
from headgate.registry.store import Registry
from headgate_runtime import SystemClock
from tests.acceptance.faults.served import apply
from tests.acceptance.faults.webhook import Answer, Request, WebhookReceiver, ok, status

WRITE_KEY = "shop-key"

FATES = ("pass", "pass", "pass", "pass", "drop", "invalid", "filtered", "refused", "flaky", "again")
"""
The fates of events; most just pass.

drop, invalid    the function of the sink drops it, or finds it invalid
again            that function wants it tried again, now and then
filtered         a filter of the sink drops it
refused, flaky   the webhook answers 400; or 503, once
"""

MANIFEST = """
[workspace]
slug = "default"

[[sources]]
slug = "shop"
write_keys = ["{write_key}"]

[[functions]]
name = "Fate"
path = "fate.js"

[[destinations]]
name = "hook"
source = "shop"
kind = "webhook"
url = "{url}"
timeout_ms = {timeout_ms}

[[destinations]]
name = "files"
source = "shop"
kind = "sink"
path = "files.jsonl"
filters = [{{ title = "Filtered", if = "properties.fate = 'filtered'", actions = [{{ type = "DROP" }}] }}]
function = {{ name = "Fate" }}
"""

FATE = """
function onTrack(event) {
  const fate = event.properties.fate;
  if (fate === "drop") throw new DropEvent("fate");
  if (fate === "invalid") throw new ValidationError("fate");
  if (fate === "again" && Math.random() < 0.3) throw new RetryError("fate");
  event.properties.transformed = true;
  return event;
}
"""

OUTCOMES = {
    "hook": {
        **dict.fromkeys(FATES, (Step.DELIVERED, "")),
        "refused": (Step.FAILED_DELIVERY, "400"),
    },
    "files": {
        **dict.fromkeys(FATES, (Step.DELIVERED, "")),
        "drop": (Step.FILTERED_AT_DESTINATION, "filtered_at_insert_function"),
        "invalid": (Step.FILTERED_AT_DESTINATION, "message_rejected"),
        "filtered": (Step.FILTERED_AT_DESTINATION, "FILTERED_BY_RULES"),
    },
}
"""By destination and fate."""


def set_up(folder: Path, data: Path, hook: WebhookReceiver, timeout_ms: int = 10_000) -> None:
    manifest = MANIFEST.format(write_key=WRITE_KEY, url=hook.url, timeout_ms=timeout_ms)
    apply(folder, manifest, data, fate_js=FATE)
    hook.answer = by_fate()


def by_fate() -> Answer:
    met: set[str] = set()

    async def answer(request: Request, writer: asyncio.StreamWriter) -> None:
        fate = request.event["properties"]["fate"]
        if fate == "refused":
            await status(400)(request, writer)
        elif fate == "flaky" and request.message_id not in met:
            met.add(request.message_id)
            await status(503)(request, writer)
        else:
            await ok(request, writer)

    return answer


class Account(NamedTuple):
    """
    The contents of the queues of a server that has stopped.

    jobs        jobs that are not over yet
    received    events
    outcomes    by destination's name, step and reason
    dead        message ids by destination's name
    """

    jobs: int
    received: int
    outcomes: Counter[tuple[str, str, str]]
    dead: dict[str, set[str]]


def account(data: Path) -> Account:
    return asyncio.run(_account(DataDirectory(data)))


async def _account(data: DataDirectory) -> Account:
    jobs, received = 0, 0
    outcomes: Counter[tuple[str, str, str]] = Counter()
    dead: dict[str, set[str]] = {}
    with Registry.open(data) as registry:
        destinations = (await SnapshotStore(registry).current()).destinations
        names = {each.id: each.name for each in destinations.values()}
    for path in data.queues().values():
        queue = await SqliteQueue.open(path, clock=ServiceClock(SystemClock()))
        jobs += (await queue.stats()).jobs
        for row in await queue.tallies():
            if row.tally.destination:
                key = (names[row.tally.destination], str(row.tally.step), row.tally.reason)
                outcomes[key] += row.events
            elif row.tally.step == Step.RECEIVED:
                received += row.events
        for job in await queue.dead(limit=1_000_000):
            dead.setdefault(names[job.lane.destination], set()).add(job.message_id)
        await queue.close()
    return Account(jobs, received, outcomes, dead)


class Audit(NamedTuple):
    """*events* accepted, and how many *repeats* of them the webhook and the sink got."""

    events: int
    hook_repeats: int
    sink_repeats: int


def audit(data: Path, accepted: Mapping[str, str], hook: WebhookReceiver) -> Audit:
    """
    Holds what arrived, and what was counted, against *accepted*, fates by message id: every event has exactly one
    outcome for each destination, and has arrived where that says so. The server must have stopped.
    """
    found = account(data)
    assert found.jobs == 0
    wanted: Counter[tuple[str, str, str]] = Counter()
    for name, outcomes in OUTCOMES.items():
        for fate in accepted.values():
            step, reason = outcomes[fate]
            wanted[name, str(step), reason] += 1
    sink = _sink_ids(data)
    arrived = {"hook": set(hook.message_ids), "files": set(sink)}
    for name, outcomes in OUTCOMES.items():
        delivered = {id_ for id_, fate in accepted.items() if outcomes[fate][0] == Step.DELIVERED}
        lost = delivered - arrived[name]
        assert not lost, f"lost on the way to {name}: {lost}; {found}"
    assert arrived["hook"] <= set(accepted), "something arrived that nobody sent"
    assert arrived["files"] <= set(accepted), "something arrived that nobody sent"
    assert found.received == len(accepted)
    assert found.outcomes == wanted, f"counted {found.outcomes - wanted}, wanted {wanted - found.outcomes}"
    assert found.dead == {
        "hook": {id_ for id_, fate in accepted.items() if fate == "refused"},
        "files": {id_ for id_, fate in accepted.items() if fate == "invalid"},
    }
    return Audit(len(accepted), _hook_repeats(hook), len(sink) - len(set(sink)))


def _hook_repeats(hook: WebhookReceiver) -> int:
    """The number of repeated requests, each of which must equal the first of its event."""
    first: dict[str, Request] = {}
    keys: dict[str, str] = {}
    for request in hook.requests:
        other = first.setdefault(request.message_id, request)
        assert (other.key, other.body) == (request.key, request.body)
        assert keys.setdefault(request.key, request.message_id) == request.message_id
        assert request.key.startswith(request.message_id + "/")
    return len(hook.requests) - len(first)


def _sink_ids(data: Path) -> list[str]:
    path = DataDirectory(data).sinks / "files.jsonl"
    text = path.read_bytes()
    assert text.endswith(b"\n")
    events = [orjson.loads(line) for line in text.splitlines()]
    assert all(event["properties"]["transformed"] for event in events)
    return [event["messageId"] for event in events]
