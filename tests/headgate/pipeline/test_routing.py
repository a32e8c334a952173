import asyncio
from typing import Any

import orjson
import pytest

from headgate.filters import Rule
from headgate.pipeline.integrations import allows
from headgate.pipeline.routing import Router
from headgate.pipeline.turns import Turns
from headgate.queue.labels import joined
from headgate.queue.model import Lane, NewJob, Step, Tally
from tests.headgate.pipeline.harness import arrival, destination, snapshot


@pytest.mark.parametrize(
    ("integrations", "allowed"),
    [
        (None, True),
        ({}, True),
        ({"All": True}, True),
        ({"All": False}, False),
        ({"All": False, "Webhook": True}, True),
        ({"All": False, "Webhook": {"option": 1}}, True),
        ({"All": False, "Webhook": {}}, True),
        ({"Webhook": False}, False),
        ({"webhook": False}, True),
        ({"All": False, "webhook": True}, False),
        ({"Webhook": None}, True),
        ({"Webhook": "no"}, True),
        ({"All": False, "Webhook": 1}, False),
        ({"All": None}, True),
        ("none", True),
        ([], True),
    ],
)
def test_integrations_object(integrations: Any, allowed: bool) -> None:
    for event_type in ("track", "page", "group", "identify", "screen", "alias"):
        assert allows({"type": event_type, "integrations": integrations}, "Webhook") is allowed
    assert allows({"type": "delete", "integrations": integrations}, "Webhook")


def routed(*destinations: Any, event: dict[str, Any] | None = None) -> Any:
    return asyncio.run(
        Router(snapshot(*destinations).sources["s"]).route(arrival(1, event), Turns().work("w"))
    )


def test_every_enabled_destination_gets_the_event_itself() -> None:
    new = routed(destination("a"), destination("b"), destination("off", enabled=False))
    assert new.jobs == (NewJob(Lane("w", "a")), NewJob(Lane("w", "b")))
    assert new.labels == joined("E", "")
    assert new.tallies == (Tally("s", "", Step.RECEIVED, "track", labels=new.labels),)
    assert new.body == arrival(1).body


def test_what_is_filtered_is_counted_with_its_reason() -> None:
    drop = [Rule("event = 'E'", [{"type": "DROP"}])]
    new = routed(
        destination("a", drop),
        destination("b", drop, catalog_name="Other"),
        destination("c"),
        event={"integrations": {"Other": False}},
    )
    assert [job.lane.destination for job in new.jobs] == ["c"]
    assert [(tally.destination, tally.reason) for tally in new.tallies] == [
        ("", ""),
        ("a", "FILTERED_BY_RULES"),
        ("b", "FILTERED_BY_INTEGRATIONS_OBJECT"),
    ]


def test_a_job_carries_the_event_as_its_filters_left_it() -> None:
    drop = [Rule("all", [{"type": "DROP_PROPERTIES", "fields": {"properties": ["secret"]}}])]
    new = routed(destination("a", drop), destination("b"), event={"properties": {"secret": 1, "x": 2}})
    first, second = new.jobs
    assert orjson.loads(first.body)["properties"] == {"x": 2}
    assert second.body is None
