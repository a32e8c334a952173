"""Samples of failures, for whoever may read their source."""

from __future__ import annotations

from typing import Any

from headgate.queue.model import Error, Lane, Step
from headgate.registry import destinations, sources
from headgate.registry.store import Change
from headgate.samples.file import SampleFile
from tests.headgate.api.harness import START_MS, ApiHarness
from tests.headgate.samples.test_store import sample


def connected(harness: ApiHarness) -> str:
    """A destination's id."""

    def act(change: Change) -> str:
        source = sources.create(change, harness.workspace, slug="web")
        return destinations.create(change, source.id, kind="sink", settings={"path": "events.jsonl"}).id

    made: str = harness.do(act)
    return made


def keep(harness: ApiHarness, destination: str, *reasons: str, event: bytes = b'{"type":"track"}') -> None:
    file = SampleFile(harness.data.samples(0))
    for number, reason in enumerate(reasons):
        one = sample(number, at=START_MS + number, lane=Lane(harness.workspace, destination), event=event)
        file.write([one._replace(error=Error(reason, "why"), step=Step.FAILED_DELIVERY)], {}, START_MS)
    file.close()


def asked(harness: ApiHarness, destination: str, **query: Any) -> list[tuple[str, str]]:
    data = harness.owner.get(f"/destinations/{destination}/samples", **query).data
    return [(each["messageId"], each["discardReason"]) for each in data["samples"]]


def test_samples_are_listed_by_reason(harness: ApiHarness) -> None:
    destination = connected(harness)
    keep(harness, destination, "400", "500", "400")

    assert asked(harness, destination) == [("m2", "400"), ("m1", "500"), ("m0", "400")]
    assert asked(harness, destination, discardReason="400") == [("m2", "400"), ("m0", "400")]
    assert asked(harness, destination, step="filtered-at-destination") == []
    assert asked(harness, destination, pagination={"count": 1}) == [("m2", "400")]
    assert harness.owner.get(f"/destinations/{destination}/samples", step="x").status == 422


def test_a_sample_shows_the_event(harness: ApiHarness) -> None:
    destination = connected(harness)
    keep(harness, destination, "400")
    keep(harness, destination, "401", event=b'{"cut": "of')
    first, second = harness.owner.get(f"/destinations/{destination}/samples").data["samples"]

    assert {first["discardReason"]: first["event"], second["discardReason"]: second["event"]} == {
        "400": {"type": "track"},
        "401": '{"cut": "of',
    }
    assert first["time"] == "2026-01-01T00:00:00.000Z"
    assert first["error"]["message"] == "why"


def test_samples_are_for_those_who_may_read_the_source(harness: ApiHarness) -> None:
    destination = connected(harness)
    path = f"/destinations/{destination}/samples"

    assert harness.caller("functions-admin").get(path).status == 401
    assert harness.caller("source-read-only").get(path).status == 200
    assert harness.rival.get(path).status == 404


def test_an_event_of_any_depth_is_shown(harness: ApiHarness) -> None:
    """What a function made may be nested deeper than anything that was accepted."""
    destination = connected(harness)
    deep = b'{"a":' * 900 + b"1" + b"}" * 900
    keep(harness, destination, "400", event=deep)
    keep(harness, destination, "401", event=b'{"a":"\\ud800"}')

    shown = harness.owner.get(f"/destinations/{destination}/samples").data["samples"]

    assert {each["discardReason"]: each["event"] for each in shown} == {
        "400": deep.decode(),
        "401": '{"a":"\\ud800"}',
    }
