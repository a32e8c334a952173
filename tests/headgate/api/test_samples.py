"""Samples of failures, for whoever may read their source."""

from __future__ import annotations

from typing import Any

from headgate.queue.model import Error, Lane, Step
from headgate.registry import destinations, sources
from headgate.registry.store import Change
from headgate.samples.file import SampleFile
from tests.headgate.api.house import START_MS, House
from tests.headgate.samples.test_store import sample


def connected(house: House) -> str:
    """A destination's id."""

    def act(change: Change) -> str:
        source = sources.create(change, house.workspace, slug="web")
        return destinations.create(change, source.id, kind="sink", settings={"path": "events.jsonl"}).id

    made: str = house.do(act)
    return made


def keep(house: House, destination: str, *reasons: str, event: bytes = b'{"type":"track"}') -> None:
    file = SampleFile(house.data.samples(0))
    for number, reason in enumerate(reasons):
        one = sample(number, at=START_MS + number, lane=Lane(house.workspace, destination), event=event)
        file.write([one._replace(error=Error(reason, "why"), step=Step.FAILED_DELIVERY)], {}, START_MS)
    file.close()


def asked(house: House, destination: str, **query: Any) -> list[tuple[str, str]]:
    data = house.owner.get(f"/destinations/{destination}/samples", **query).data
    return [(each["messageId"], each["discardReason"]) for each in data["samples"]]


def test_samples_are_listed_by_reason(house: House) -> None:
    destination = connected(house)
    keep(house, destination, "400", "500", "400")

    assert asked(house, destination) == [("m2", "400"), ("m1", "500"), ("m0", "400")]
    assert asked(house, destination, discardReason="400") == [("m2", "400"), ("m0", "400")]
    assert asked(house, destination, step="filtered-at-destination") == []
    assert asked(house, destination, pagination={"count": 1}) == [("m2", "400")]
    assert house.owner.get(f"/destinations/{destination}/samples", step="x").status == 422


def test_a_sample_shows_the_event(house: House) -> None:
    destination = connected(house)
    keep(house, destination, "400")
    keep(house, destination, "401", event=b'{"cut": "of')
    first, second = house.owner.get(f"/destinations/{destination}/samples").data["samples"]

    assert {first["discardReason"]: first["event"], second["discardReason"]: second["event"]} == {
        "400": {"type": "track"},
        "401": '{"cut": "of',
    }
    assert first["time"] == "2026-01-01T00:00:00.000Z"
    assert first["error"]["message"] == "why"


def test_samples_are_for_those_who_may_read_the_source(house: House) -> None:
    destination = connected(house)
    path = f"/destinations/{destination}/samples"

    assert house.caller("functions-admin").get(path).status == 401
    assert house.caller("source-read-only").get(path).status == 200
    assert house.rival.get(path).status == 404


def test_an_event_of_any_depth_is_shown(house: House) -> None:
    """What a function made may be nested deeper than anything that was accepted."""
    destination = connected(house)
    deep = b'{"a":' * 900 + b"1" + b"}" * 900
    keep(house, destination, "400", event=deep)
    keep(house, destination, "401", event=b'{"a":"\\ud800"}')

    shown = house.owner.get(f"/destinations/{destination}/samples").data["samples"]

    assert {each["discardReason"]: each["event"] for each in shown} == {
        "400": deep.decode(),
        "401": '{"a":"\\ud800"}',
    }
