"""Workspaces with a resource of every kind, created over HTTP."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx

from headgate.paths import DataDirectory
from headgate.registry import tokens, workspaces
from headgate.registry.store import Registry


def create_workspace(data: Path, slug: str, name: str) -> str:
    """Creates a workspace with the display name *name*; returns its owner's token."""
    with Registry.open(DataDirectory(data)) as registry, registry.change() as change:
        workspace = workspaces.create(change, slug=slug, name=name)
        return tokens.create(change, workspace.id, name=name, role="owner")[1]


def create_resources(http: httpx.Client, name: str) -> dict[str, str]:
    """Creates a resource of every kind, called *name*; returns their ids by the name of the path parameter."""

    def made(path: str, body: dict[str, Any], kind: str) -> Any:
        answer = http.post(path, json=body)
        assert answer.is_success, answer.text
        return answer.json()["data"][kind]

    label = {"key": name, "value": name}
    made("/labels", {"label": label}, "label")
    source = made("/sources", {"slug": name, "enabled": True, "metadataId": "http-api"}, "source")
    destination = made(
        "/destinations",
        {"sourceId": source["id"], "metadataId": "sink", "settings": {"path": f"{name}.jsonl"}, "name": name},
        "destination",
    )
    rule = {"if": "true", "actions": [{"type": "DROP"}], "title": name, "enabled": False}
    filter_ = made(f"/destination/{destination['id']}/filters", {"sourceId": source["id"], **rule}, "filter")
    mapping = {"name": name, "actionId": "a", "trigger": "type = 'track'", "enabled": True}
    of_destination = f"/destinations/{destination['id']}/subscriptions"
    subscription = made(of_destination, mapping, "destinationSubscription")
    code = f"function onTrack(event) {{ return event }} // {name}"
    function = made(
        "/functions", {"code": code, "displayName": name, "resourceType": "INSERT_DESTINATION"}, "function"
    )
    version = http.get(f"/functions/{function['id']}/versions").json()["data"]["versions"][0]
    bound = {"functionId": function["id"], "integrationId": destination["id"], "name": name, "settings": {}}
    instance = made("/insert-function-instances", bound, "insertFunctionInstance")
    group = made("/groups", {"name": name}, "userGroup")
    email = f"{name}@example.com"
    made("/invites", {"invites": [{"email": email}]}, "emails")
    token = made("/tokens", {"name": name, "email": email}, "token")
    forgotten = {"regulationType": "SUPPRESS_ONLY", "subjectType": "USER_ID", "subjectIds": [name]}
    regulation = made("/regulations", forgotten, "regulateId")
    return {
        "sourceId": source["id"],
        "writeKey": source["writeKeys"][0],
        "destinationId": destination["id"],
        "filterId": filter_["id"],
        "id": subscription["id"],
        "functionId": function["id"],
        "versionId": version["id"],
        "instanceId": instance["id"],
        "userGroupId": group["id"],
        "userId": token["userId"],
        "tokenId": token["id"],
        "regulateId": regulation,
        "key": name,
        "value": name,
    }
