"""
Destinations that do what destinations should not: the other one of the same source has its events at once, and theirs
wait, and arrive when they are well again.

All of them are ill at the same time, each with a source and a healthy neighbour of its own, on one server.
"""

from __future__ import annotations

import contextlib
from typing import NamedTuple

import pytest

from tests.acceptance.faults import webhook
from tests.acceptance.faults.fates import Account, account
from tests.acceptance.faults.sending import send
from tests.acceptance.faults.served import Served, apply
from tests.acceptance.faults.waiting import Waiter
from tests.acceptance.faults.webhook import Answer, Request, WebhookReceiver

ILLS: dict[str, Answer] = {
    "hangs": webhook.hang,
    "resets": webhook.reset,
    "answers slowly": webhook.slowly,
    "sends less than it says": webhook.too_short,
    "has a length that is none": webhook.no_number,
    "speaks no HTTP": webhook.garbage,
    "sends headers without end": webhook.endless_headers,
    "is unavailable": webhook.status(503),
    "wants a pause": webhook.status(429, "retry-after: 1"),
    "fails in its own way": webhook.status(599),
}

ODD: dict[str, Answer] = {"answers without end": webhook.endless, "sends more than it says": webhook.too_long}
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
timeout_ms = {timeout_ms}

[[destinations]]
name = "well {slug}"
source = "{slug}"
kind = "webhook"
url = "{well}"
"""


def slug(name: str) -> str:
    return name.replace(" ", "-").lower()


def manifest(ill: dict[str, str], well: str) -> str:
    sources = [
        SOURCE.format(slug=slug(name), ill=url, well=well, timeout_ms=10_000 if name in ODD else 400)
        for name, url in ill.items()
    ]
    return '[workspace]\nslug = "default"\n' + "".join(sources)


class Course(NamedTuple):
    """
    How it went; by what is wrong with a destination, where not said otherwise.

    neighbours    message ids that the healthy neighbour had while the others were ill, in the order in which they came
    visits        requests that each got, all in all
    served        message ids that each answered with 200 once it was well
    account       of the queue, in the end
    """

    neighbours: list[str]
    visits: dict[str, list[Request]]
    served: dict[str, set[str]]
    account: Account


def ids_of(name: str) -> set[str]:
    return {f"{slug(name)}/{number}" for number in range(EVENTS)}


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Course:
    folder = tmp_path_factory.mktemp("destinations")
    data = folder / "data"
    waiter = Waiter()
    with contextlib.ExitStack() as stack:
        well = stack.enter_context(WebhookReceiver(waiter))
        ill = {
            name: stack.enter_context(WebhookReceiver(waiter, answer))
            for name, answer in (ILLS | ODD).items()
        }
        ill |= {name: stack.enter_context(WebhookReceiver(waiter)) for name in NAMES}
        urls = {name: each.url for name, each in ill.items()}
        nameless = {name: f"http://{host}/" for name, host in NAMES.items()}
        apply(folder, manifest(urls | nameless, well.url), data)
        server = stack.enter_context(contextlib.closing(Served(data, waiter)))
        server.start()
        for name in urls:
            assert send(server.url, slug(name), sorted(ids_of(name))) == 200

        every = set[str]().union(*map(ids_of, urls))
        waiter.until(lambda: every <= set(well.message_ids), "all neighbours get their events")
        neighbours = well.message_ids
        waiter.until(lambda: all(ids_of(name) <= set(ill[name].message_ids) for name in ODD), "so do the odd")
        served = {name: patient.answer_with_ok() for name, patient in ill.items()}
        apply(folder, manifest(urls, well.url), data)
        waiter.until(lambda: server.jobs() == 0, "what waited arrives", instead=server.state)
        assert server.stop() == 0
        visits = {name: list(patient.requests) for name, patient in ill.items()}
    return Course(neighbours, visits, served, account(data))


@pytest.mark.parametrize("name", [*ILLS, *ODD, *NAMES])
def test_its_neighbour_is_none_the_worse(course: Course, name: str) -> None:
    own = [each for each in course.neighbours if each in ids_of(name)]

    assert sorted(own) == sorted(ids_of(name)), "each comes once"


@pytest.mark.parametrize("name", [*ILLS, *NAMES])
def test_its_events_arrive_when_it_is_well(course: Course, name: str) -> None:
    assert course.served[name] == ids_of(name)


@pytest.mark.parametrize("name", ODD)
def test_an_answer_is_one_whatever_comes_after_it(course: Course, name: str) -> None:
    assert {request.message_id for request in course.visits[name]} == ids_of(name)


@pytest.mark.parametrize("name", [*ILLS, *ODD, *NAMES])
def test_an_event_has_the_same_key_and_body_whenever_it_is_tried(course: Course, name: str) -> None:
    visits = course.visits[name]

    assert len({(request.message_id, request.key, request.body) for request in visits}) == EVENTS


def test_every_event_is_delivered_once_by_the_count(course: Course) -> None:
    every = len(ILLS) + len(ODD) + len(NAMES)

    assert course.account.received == every * EVENTS
    assert course.account.dead == {}
    assert sum(course.account.outcomes.values()) == 2 * every * EVENTS
    assert {step for _, step, _ in course.account.outcomes} == {"successful-delivery"}
