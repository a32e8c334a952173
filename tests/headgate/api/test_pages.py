"""Who reads page after page sees everything that was there all the time, once, whatever is made and deleted meanwhile."""

from __future__ import annotations

import itertools
import random

import pytest

from headgate.api.permissions import Resource
from tests.headgate.api.house import House

CODE = "function onTrack(event) { return event }"


def made(house: House, name: str) -> str:
    """The id of a new function."""
    body = {"code": CODE, "displayName": name, "resourceType": "INSERT_DESTINATION"}
    function: str = house.owner.post("/functions", body).data["function"]["id"]
    return function


@pytest.mark.parametrize("seed", range(4))
def test_pages_of_functions_hold_still_while_others_write(house: House, seed: int) -> None:
    chance = random.Random(seed)
    stay = [made(house, f"stays {number}") for number in range(6)]
    go = [made(house, f"goes {number}") for number in range(6)]
    stay += [made(house, f"stays, too, {number}") for number in range(4)]
    seen: list[str] = []
    cursor = ""
    for number in itertools.count():
        pagination = {"count": 3, **({"cursor": cursor} if cursor else {})}
        data = house.owner.get("/functions", resourceType="INSERT_DESTINATION", pagination=pagination).data
        seen += [each["id"] for each in data["functions"]]
        if "next" not in data["pagination"]:
            break
        cursor = data["pagination"]["next"]
        for _ in range(chance.randrange(3)):
            if go:
                house.owner.delete(f"/functions/{go.pop(chance.randrange(len(go)))}")
        if number < 3:
            made(house, f"new {number}")
    assert len(seen) == len(set(seen))
    assert [each for each in seen if each in stay] == stay


def test_pages_of_instances_hold_still_while_others_write(house: House) -> None:
    function = made(house, "F")
    source = house.owner.post("/sources", {"slug": "web", "enabled": True, "metadataId": "http-api"}).data[
        "source"
    ]["id"]
    bound = []
    for number in range(7):
        settings = {"url": f"https://example.com/{number}"}
        body = {"sourceId": source, "metadataId": "webhook", "name": f"D{number}", "settings": settings}
        destination = house.owner.post("/destinations", body).data["destination"]["id"]
        body = {"functionId": function, "integrationId": destination, "name": f"I{number}", "settings": {}}
        instance = house.owner.post("/insert-function-instances", body).data["insertFunctionInstance"]
        bound.append(instance["id"])
    path = "/insert-function-instances"
    first = house.owner.get(path, functionId=function, pagination={"count": 3}).data
    house.owner.delete(f"{path}/{bound[0]}")
    house.owner.delete(f"{path}/{bound[2]}")
    pagination = {"count": 9, "cursor": first["pagination"]["next"]}
    second = house.owner.get(path, functionId=function, pagination=pagination).data
    assert [each["id"] for each in first["instances"] + second["instances"]] == bound
    assert "next" not in second["pagination"]


@pytest.mark.parametrize("whose", ["owner", "source-admin"])
def test_pages_of_sources_and_destinations_hold_still_while_others_write(house: House, whose: str) -> None:
    listed: dict[str, list[str]] = {"sources": [], "destinations": []}
    for number in range(7):
        made_ = {"slug": f"s{number}", "enabled": True, "metadataId": "http-api"}
        source = house.owner.post("/sources", made_).data["source"]["id"]
        settings = {"url": "https://example.com/"}
        body = {"sourceId": source, "metadataId": "webhook", "name": "D", "settings": settings}
        listed["sources"].append(source)
        listed["destinations"].append(house.owner.post("/destinations", body).data["destination"]["id"])
    caller = house.owner
    if whose == "source-admin":
        caller = house.granted(("source-admin", [Resource("SOURCE", each) for each in listed["sources"]]))
    first = {kind: caller.get(f"/{kind}", pagination={"count": 3}).data for kind in listed}
    for kind in ("destinations", "sources"):
        house.owner.delete(f"/{kind}/{listed[kind][1]}")
        house.owner.delete(f"/{kind}/{listed[kind][2]}")
    for kind, ids in listed.items():
        pagination = {"count": 9, "cursor": first[kind]["pagination"]["next"]}
        second = caller.get(f"/{kind}", pagination=pagination).data
        assert [each["id"] for each in first[kind][kind] + second[kind]] == ids
