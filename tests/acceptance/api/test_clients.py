"""The official clients, after changing nothing but the base URL, live a whole life with a real server."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from tests.acceptance.api.clients import CLIENTS, Client, Refused
from tests.acceptance.api.served import Served, served
from tests.acceptance.service.project import until

CODE = """
async function onTrack(event, settings) {
  if (event.event === 'Broken') throw new Error('as it was meant to be')
  event.properties.greeting = `${settings.word}, ${settings.secret.length}`
  return event
}
"""

SETTINGS = [
    {
        "name": name,
        "label": name.title(),
        "description": "",
        "type": "STRING",
        "required": True,
        "sensitive": name == "secret",
    }
    for name in ("word", "secret")
]

SECRET = "a secret that nobody may see"

PAGE = {"count": 50}


@pytest.mark.parametrize("client", CLIENTS)
def test_a_whole_life(tmp_path: Path, client: str) -> None:
    with served(tmp_path / "data") as project, CLIENTS[client](project.url, project.token) as caller:
        Life(project, caller).lived()


@pytest.mark.parametrize("client", CLIENTS)
def test_clients_are_told_why(tmp_path: Path, client: str) -> None:
    with served(tmp_path / "data") as project:
        with CLIENTS[client](project.url, project.token) as caller:
            refused(caller, 404, "get_source", sourceId="nowhere")
            refused(caller, 404, "get_function", functionId="ifnd_" + "0" * 24)
            wrong = {"code": "function onTrack(", "displayName": "F", "resourceType": "INSERT_DESTINATION"}
            assert refused(caller, 422, "create_function", wrong)["field"] == "code"
            assert (
                refused(caller, 422, "list_functions", resourceType="NONE", pagination=PAGE)["type"]
                == "input-validation"
            )
        with CLIENTS[client](project.url, "hgt_" + "x" * 43) as stranger:
            refused(stranger, 401, "get_workspace")


def refused(caller: Client, status: int, operation: str, body: object = None, **named: Any) -> dict[str, Any]:
    """The error that *operation* is refused with."""
    with pytest.raises(Refused) as caught:
        caller.ask(operation, body, **named)
    assert caught.value.status == status, caught.value
    return caught.value.errors[0]


class Life:
    """From an empty workspace to an empty workspace."""

    def __init__(self, served: Served, caller: Client) -> None:
        self._served = served
        self._ask = caller.ask

    def lived(self) -> None:
        workspace = self._ask("get_workspace")["workspace"]
        assert workspace["slug"] == "default"
        assert self._ask("echo", message="there?")["message"] == "there?"
        self._connect()
        self._function()
        self._previews()
        self._instance()
        self._filter()
        self._events()
        self._new_version()
        self._overview()
        self._people()
        self._audit(workspace["id"])
        self._end()

    def _connect(self) -> None:
        offered = self._ask("get_sources_catalog", pagination=PAGE)["sourcesCatalog"]
        chosen = next(each for each in offered if each["slug"] == "http-api")
        made = {"slug": "web", "enabled": True, "metadataId": chosen["id"]}
        self.source = self._ask("create_source", made)["source"]
        assert self._ask("get_source", sourceId=self.source["id"])["source"] == self.source
        assert self._ask("list_sources", pagination=PAGE)["sources"] == [self.source]
        label = {"key": "environment", "value": "prod"}
        assert self._ask("create_label", {"label": label})["label"].items() >= label.items()
        named = self._ask("add_labels_to_source", {"labels": [label]}, sourceId=self.source["id"])
        assert [each["value"] for each in named["labels"]] == ["prod"]
        kinds = self._ask("get_destinations_catalog", pagination=PAGE)["destinationsCatalog"]
        assert {"webhook", "sink"} <= {each["slug"] for each in kinds}
        self.destination = self._ask(
            "create_destination",
            {
                "sourceId": self.source["id"],
                "metadataId": "sink",
                "settings": {"path": "out.jsonl"},
                "name": "Out",
                "enabled": True,
            },
        )["destination"]
        connected = self._ask(
            "list_connected_destinations_from_source", sourceId=self.source["id"], pagination=PAGE
        )["destinations"]
        assert [each["id"] for each in connected] == [self.destination["id"]]

    def _function(self) -> None:
        self.function = self._ask(
            "create_function",
            {
                "code": CODE,
                "displayName": "Greets",
                "resourceType": "INSERT_DESTINATION",
                "settings": SETTINGS,
                "description": "Greets who comes",
            },
        )["function"]
        assert self.function["settings"] == SETTINGS
        found = self._ask("list_functions", resourceType="INSERT_DESTINATION", pagination=PAGE)
        assert [each["id"] for each in found["functions"]] == [self.function["id"]]
        versions = self._versions()
        assert [(each["code"], each["isDeployed"]) for each in versions] == [(CODE, False)]

    def _previews(self) -> None:
        """The clients know of none: it is Headgate's own."""
        payload = {"type": "track", "event": "E", "userId": "u", "properties": {}}
        tried = self._served.http.post(
            f"/functions/{self.function['id']}/preview",
            json={"payload": payload, "settingValues": {"word": "Hello", "secret": SECRET}},
        )
        assert tried.status_code == 200, tried.text
        assert f"Hello, {len(SECRET)}" in tried.text
        rule = {"if": 'event = "E"', "actions": [{"type": "DROP"}]}
        previewed = self._ask("preview_destination_filter", {"filter": rule, "payload": payload})
        assert (previewed["inputPayload"], previewed["result"]) == (payload, None)

    def _instance(self) -> None:
        made = self._ask(
            "create_insert_function_instance",
            {
                "functionId": self.function["id"],
                "integrationId": self.destination["id"],
                "name": "Greets at Out",
                "settings": {"word": "Hello", "secret": SECRET},
            },
        )["insertFunctionInstance"]
        assert not made["enabled"]
        assert made["settings"] == {"word": "Hello"}
        assert SECRET not in str(made)
        assert self._ask("create_function_deployment", functionId=self.function["id"]) == {
            "functionDeployment": {"status": "SUCCESS"}
        }
        assert [each["isDeployed"] for each in self._versions()] == [True]
        self.instance = self._ask(
            "update_insert_function_instance",
            {"settings": {"word": "Hello"}, "enabled": True},
            instanceId=made["id"],
        )["insertFunctionInstance"]
        assert self.instance["enabled"]
        shown = self._ask("get_insert_function_instance", instanceId=made["id"])["insertFunctionInstance"]
        assert shown == self.instance
        listed = self._ask("list_insert_function_instances", functionId=self.function["id"], pagination=PAGE)
        assert listed["instances"] == [self.instance]

    def _filter(self) -> None:
        of = {"destinationId": self.destination["id"]}
        made = self._ask(
            "create_filter_for_destination",
            {
                "sourceId": self.source["id"],
                "if": 'event = "Unwanted"',
                "actions": [{"type": "DROP"}],
                "title": "No unwanted",
                "enabled": False,
            },
            **of,
        )["filter"]
        changed = self._ask("update_filter_for_destination", {"enabled": True}, filterId=made["id"], **of)
        assert changed["filter"]["enabled"]
        assert self._ask("get_filter_in_destination", filterId=made["id"], **of) == changed
        listed = self._ask("list_filters_from_destination", pagination=PAGE, **of)
        assert listed["filters"] == [changed["filter"]]
        self.filter = changed["filter"]

    def _events(self) -> None:
        for number, name in enumerate(["Kept", "Unwanted", "Broken", "Kept"]):
            self._send(number, name)
        until(lambda: len(self._arrived()) == 2)
        assert [each["properties"]["greeting"] for each in self._arrived()] == [f"Hello, {len(SECRET)}"] * 2

    def _new_version(self) -> None:
        """What is saved changes nothing until it is deployed; what was, can be brought back."""
        code = CODE.replace("${settings.word}", "Good day")
        saved = self._ask("update_function", {"code": code}, functionId=self.function["id"])["function"]
        assert not saved["isLatestVersion"]
        self._send(10, "Kept")
        until(lambda: len(self._arrived()) == 3)
        assert self._arrived()[-1]["properties"]["greeting"].startswith("Hello")
        self._ask("create_function_deployment", functionId=self.function["id"])
        self._send(11, "Kept")
        until(lambda: len(self._arrived()) == 4)
        assert self._arrived()[-1]["properties"]["greeting"].startswith("Good day")
        first = self._versions()[-1]
        of = {"functionId": self.function["id"]}
        assert self._ask("get_function_version", versionId=first["id"], **of)["version"] == first
        restored = self._ask("restore_function_version", {"versionId": first["id"]}, **of)["version"]
        assert (restored["code"], restored["isDeployed"]) == (CODE, False)
        assert [each["isDeployed"] for each in self._versions()] == [False, True, False]

    def _overview(self) -> None:
        """Six events came; one was filtered out, one failed in its function, four arrived."""
        now = datetime.now(UTC)
        times = {
            "startTime": (now - timedelta(hours=2)).isoformat(timespec="seconds"),
            "endTime": (now + timedelta(hours=1)).isoformat(timespec="seconds"),
        }
        of = {"sourceId": self.source["id"], "granularity": "HOUR", "pagination": PAGE, **times}
        for step, total in (
            ("ingress_success", 6),
            ("ingress_failed", 0),
            ("filtered_at_source", 0),
            ("filtered_at_destination", 2),
            ("egress_failed", 0),
            ("egress_success", 4),
        ):
            at = {"destinationConfigId": self.destination["id"]} if "egress" in step or "dest" in step else {}
            found = self._ask(f"get_{step}_metrics_from_delivery_overview", **of, **at)
            assert (step, found["total"]) == (step, total)
        why = self._ask(
            "get_filtered_at_destination_metrics_from_delivery_overview",
            destinationConfigId=self.destination["id"],
            groupBy=["discardReason", "eventName"],
            filter={"eventName": ["Broken", "Unwanted"]},
            **of,
        )
        assert {each["eventName"]: each["total"] for each in why["dataset"]} == {"Unwanted": 1, "Broken": 1}
        summary = self._ask(
            "list_delivery_metrics_summary_from_destination",
            destinationId=self.destination["id"],
            sourceId=self.source["id"],
        )["deliveryMetricsSummary"]
        assert summary["sourceId"] == self.source["id"]
        assert summary["metrics"]
        volume = self._ask(
            "get_events_volume_from_workspace",
            granularity="HOUR",
            groupBy=["eventName"],
            pagination=PAGE,
            **times,
        )["result"]
        assert {each["eventName"]: each["total"] for each in volume} == {
            "Kept": 4,
            "Unwanted": 1,
            "Broken": 1,
        }
        period = now.strftime("%Y-%m-%d")
        self._ask("get_daily_workspace_api_calls_usage", period=period, pagination=PAGE)
        self._ask("get_daily_per_source_api_calls_usage", period=period, pagination=PAGE)

    def _people(self) -> None:
        invited = self._ask(
            "create_invites", {"invites": [{"email": "ada@example.com"}, {"email": "bob@example.com"}]}
        )
        assert sorted(invited["emails"]) == ["ada@example.com", "bob@example.com"]
        assert len(self._ask("list_invites", pagination=PAGE)["invites"]) == 2
        assert self._ask("delete_invites", emails=["bob@example.com"])["status"] == "SUCCESS"
        # Whoever was invited is a user with the first token; tokens are Headgate's own.
        token = self._served.http.post("/tokens", json={"name": "laptop", "email": "ada@example.com"})
        assert token.is_success, token.text
        roles = self._ask("list_roles", pagination=PAGE)["roles"]
        reader = next(each for each in roles if each["name"] == "Functions Read-only")
        group = self._ask("create_user_group", {"name": "Readers"})["userGroup"]
        of = {"userGroupId": group["id"]}
        grant = {"roleId": reader["id"], "resources": [{"id": self.function["id"], "type": "FUNCTION"}]}
        given = self._ask("add_permissions_to_user_group", {"permissions": [grant]}, **of)["permissions"]
        assert [each["roleName"] for each in given] == [reader["name"]]
        self._ask("add_users_to_user_group", {"emails": ["ada@example.com"]}, **of)
        assert self._ask("update_user_group", {"name": "All who read"}, **of)["userGroup"]["name"]
        assert len(self._ask("list_user_groups", pagination=PAGE)["userGroups"]) == 1
        members = self._ask("list_users_from_user_group", pagination=PAGE, **of)["users"]
        users = self._ask("list_users", pagination=PAGE)["users"]
        ada = next(each for each in users if each["email"] == "ada@example.com")
        assert [each["id"] for each in members] == [ada["id"]]
        assert self._ask("get_user", userId=ada["id"])["user"]["email"] == "ada@example.com"
        assert len(self._ask("list_user_groups_from_user", userId=ada["id"], pagination=PAGE)["groups"]) == 1
        editor = next(each for each in roles if each["name"] == "Source Admin")
        source = {"roleId": editor["id"], "resources": [{"id": self.source["id"], "type": "SOURCE"}]}
        self._ask("replace_permissions_for_user", {"permissions": [source]}, userId=ada["id"])
        self._ask("remove_users_from_user_group", emails=["ada@example.com"], **of)
        assert self._ask("delete_user_group", **of)["status"] == "SUCCESS"
        assert self._ask("delete_users", userIds=[ada["id"]])["status"] == "SUCCESS"

    def _audit(self, workspace: str) -> None:
        events = self._ask("list_audit_events", pagination={"count": 200})["events"]
        seen = {each["type"] for each in events}
        assert {
            "Source Created",
            "Integration Created",
            "Destination Filter Created",
            "Insert Function Created",
            "Insert Function Deployed",
            "Insert Function Restored",
            "Insert Function Instance Created",
            "Insert Function Instance Enabled",
        } <= seen
        assert SECRET not in str(events)
        of_function = self._ask(
            "list_audit_events",
            pagination=PAGE,
            resourceId=self.function["id"],
            resourceType="insert_function",
        )["events"]
        assert of_function
        assert {each["resourceId"] for each in of_function} == {self.function["id"]}
        assert workspace not in {each["resourceId"] for each in of_function}

    def _end(self) -> None:
        of = {"destinationId": self.destination["id"]}
        assert self._ask("remove_filter_from_destination", filterId=self.filter["id"], **of)
        with pytest.raises(Refused) as caught:
            self._ask("delete_function", functionId=self.function["id"])
        assert caught.value.status == 409
        self._ask("delete_insert_function_instance", instanceId=self.instance["id"])
        self._ask("delete_function", functionId=self.function["id"])
        self._ask("delete_destination", **of)
        self._ask("delete_source", sourceId=self.source["id"])
        assert self._ask("list_sources", pagination=PAGE)["sources"] == []
        assert self._ask("list_destinations", pagination=PAGE)["destinations"] == []
        assert not self._ask("list_functions", resourceType="INSERT_DESTINATION", pagination=PAGE)[
            "functions"
        ]

    def _versions(self) -> list[dict[str, Any]]:
        answer = self._ask("list_function_versions", functionId=self.function["id"], pagination=PAGE)
        versions: list[dict[str, Any]] = answer["versions"]
        return versions

    def _send(self, number: int, name: str) -> None:
        answer = httpx.post(
            f"{self._served.url}/v1/track",
            json={"userId": "u", "event": name, "messageId": f"m{number}", "properties": {}},
            auth=(self.source["writeKeys"][0], ""),
            trust_env=False,
        )
        assert answer.status_code == 200, answer.text

    def _arrived(self) -> list[dict[str, Any]]:
        path = self._served.data / "sinks" / self.destination["settings"]["path"]
        return [orjson.loads(line) for line in path.read_bytes().splitlines()] if path.exists() else []
