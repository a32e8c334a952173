"""
Destinations that do what destinations should not: the other one of the same source has its events at once, and theirs
wait, and arrive when they are well again.

All of them are ill at the same time, each with a source and a healthy neighbour of its own, on one server.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.acceptance.faults import hook
from tests.acceptance.faults.hook import Answer, Hook
from tests.acceptance.faults.sending import send
from tests.acceptance.faults.served import Served, apply
from tests.acceptance.faults.shop import account
from tests.acceptance.faults.watch import Watch

ILLS: dict[str, Answer] = {
    "hangs": hook.hang,
    "resets": hook.reset,
    "answers slowly": hook.slowly,
    "sends less than it says": hook.too_short,
    "has a length that is none": hook.no_number,
    "speaks no HTTP": hook.garbage,
    "sends headers without end": hook.endless_headers,
    "is unavailable": hook.status(503),
    "wants a pause": hook.status(429, "retry-after: 1"),
    "fails in its own way": hook.status(599),
}

ODD: dict[str, Answer] = {"answers without end": hook.endless, "sends more than it says": hook.too_long}
"""Answers of 200 by which an event is delivered, whatever comes after them."""

EVENTS = 20

NAMES = {"has no name": "nowhere.invalid"}
"""Destinations whose host nobody knows. `.invalid` never is (RFC 6761)."""

SOURCE = """
[[sources]]
slug = "{slug}"
write_keys = ["{slug}"]

[[destinations]]
name = "ill {slug}"
source = "{slug}"
kind = "webhook"
url = "{ill}"
timeout_ms = 400

[[destinations]]
name = "well {slug}"
source = "{slug}"
kind = "webhook"
url = "{well}"
"""


def slug(name: str) -> str:
    return name.replace(" ", "-").lower()


def manifest(ill: dict[str, str], well: str) -> str:
    sources = [SOURCE.format(slug=slug(name), ill=url, well=well) for name, url in ill.items()]
    return '[workspace]\nslug = "default"\n' + "".join(sources)


class Ward(NamedTuple):
    """*ill* destinations by what is wrong with them; *well* is everybody's neighbour."""

    folder: Path
    served: Served
    watch: Watch
    ill: dict[str, Hook]
    well: Hook


@pytest.fixture(scope="module")
def ward(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ward]:
    """With all events sent, and their neighbours' arrived."""
    folder = tmp_path_factory.mktemp("ward")
    watch = Watch()
    with contextlib.ExitStack() as stack:
        well = stack.enter_context(Hook(watch))
        ill = {name: stack.enter_context(Hook(watch, answer)) for name, answer in (ILLS | ODD).items()}
        ill |= {name: stack.enter_context(Hook(watch)) for name in NAMES}
        urls = {name: each.url for name, each in ill.items()}
        urls |= {name: f"http://{host}/" for name, host in NAMES.items()}
        data = folder / "data"
        apply(folder, manifest(urls, well.url), data)
        served = stack.enter_context(contextlib.closing(Served(data, watch)))
        served.start()
        for name in urls:
            ids = [f"{slug(name)}/{number}" for number in range(EVENTS)]
            assert send(served.url, slug(name), ids) == 200
        yield Ward(folder, served, watch, ill, well)


def ids_of(name: str) -> set[str]:
    return {f"{slug(name)}/{number}" for number in range(EVENTS)}


@pytest.mark.parametrize("name", [*ILLS, *ODD, *NAMES])
def test_its_neighbour_is_none_the_worse(ward: Ward, name: str) -> None:
    ward.watch.until(lambda: ids_of(name) <= set(ward.well.message_ids), "the neighbour gets its events")

    assert len(ward.well.requests) == len(set(ward.well.message_ids))


@pytest.mark.parametrize("name", ODD)
def test_an_answer_is_one_whatever_comes_after_it(ward: Ward, name: str) -> None:
    ward.watch.until(lambda: ids_of(name) <= set(ward.ill[name].message_ids), "its events arrive")


@pytest.fixture(scope="module")
def cured(ward: Ward) -> dict[str, set[str]]:
    """All of them at once. Of each the message ids that it has answered with 200 since then."""
    answered = {name: patient.answer_with_ok() for name, patient in ward.ill.items()}
    urls = {name: patient.url for name, patient in ward.ill.items()}
    assert all(not ward.ill[name].requests for name in NAMES)
    apply(ward.folder, manifest(urls, ward.well.url), ward.served.data)
    return answered


@pytest.mark.parametrize("name", [*ILLS, *NAMES])
def test_its_events_arrive_when_it_is_well(ward: Ward, cured: dict[str, set[str]], name: str) -> None:
    ward.watch.until(lambda: cured[name] >= ids_of(name), "what waited arrives")

    keys = {(request.message_id, request.key) for request in ward.ill[name].requests}
    assert len(keys) == EVENTS, "an event has another Idempotency-Key when it is tried again"


@pytest.mark.usefixtures("cured")
def test_every_event_is_delivered_once_by_the_count(ward: Ward) -> None:
    every = len(ILLS) + len(ODD) + len(NAMES)
    ward.watch.until(lambda: ward.served.jobs() == 0, "all is over")
    assert ward.served.stop() == 0

    found = account(ward.served.data)

    assert found.received == every * EVENTS
    assert found.dead == {}
    assert sum(found.outcomes.values()) == 2 * every * EVENTS
    assert {step for _, step, _ in found.outcomes} == {"successful-delivery"}
