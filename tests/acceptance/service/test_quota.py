"""`headgate quota` while a server runs: it holds from the next event on, and nothing is lost by it."""

from __future__ import annotations

import concurrent.futures
from datetime import UTC, datetime
from pathlib import Path

import httpx

from headgate.paths import DataDirectory
from headgate.registry import quotas, workspaces
from headgate.registry.snapshot import Quotas
from headgate.registry.store import Registry
from tests.acceptance.api.served import served
from tests.acceptance.service.project import Project, until


def test_quotas_hold_for_the_next_event(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.apply()
    none = "functions     none\nevents_per_s  none\nfuel_per_day  none\nsandboxes     none\n"
    assert project.command("quota") == none
    with project.serving() as client:
        client.track(1)
        until(lambda: len(project.arrived()) == 1)
        assert "fuel_per_day  1\n" in project.command("quota", "--fuel-per-day", "1")
        client.track(2)
        until(lambda: project.command("dead").count("FUNCTIONS_LOCK_OUT") == 1)
        project.command("quota", "--fuel-per-day", "none", "--events-per-s", "0.001")
        statuses = [client.track(number).status_code for number in (3, 4)]
        assert statuses == [200, 429]
        assert project.command("quota", "--events-per-s", "none", "--sandboxes", "1").endswith("1\n")
        assert [client.track(number).status_code for number in range(5, 15)] == [200] * 10
        until(lambda: len(project.arrived()) == 12)
    assert "neither a whole number" in project.command("quota", "--sandboxes", "some", status=2)


def test_functions_that_people_run_themselves_are_metered_and_held_to_quotas(tmp_path: Path) -> None:
    with served(tmp_path / "data") as project:
        code = "function onTrack(event) { return event }"
        body = {"code": code, "displayName": "F", "resourceType": "INSERT_DESTINATION"}
        function = project.http.post("/functions", json=body).json()["data"]["function"]["id"]
        event = {"type": "track", "event": "E", "messageId": "m", "userId": "u"}

        def invoked(value: object) -> httpx.Response:
            return project.http.post(f"/v1/functions/{function}/invoke", json=value)

        def previewed() -> httpx.Response:
            return project.http.post(f"/functions/{function}/preview", json={"payload": event})

        def used() -> list[tuple[str, int]]:
            period = datetime.now(UTC).strftime("%Y-%m-%d")
            rows = project.http.get(f"/usage/functions/daily?period={period}").json()["data"]
            return [(each["functionId"], each["executions"]) for each in rows["dailyFunctionsUsage"]]

        def allow(allowed: Quotas) -> None:
            with Registry.open(DataDirectory(project.data)) as registry, registry.change() as change:
                (workspace,) = workspaces.listed(change)
                quotas.put(change, workspace.id, allowed)

        assert len(invoked([event] * 3).json()["data"]["outcomes"]) == 3
        assert [invoked(event).status_code, previewed().status_code] == [200, 200]
        until(lambda: used() == [(function, 5)])
        allow(Quotas(fuel_per_day=1))
        for refused in (invoked(event), invoked([event]), previewed()):
            assert refused.status_code == 429
            assert refused.json()["errors"][0]["type"] == "RequestError"
            assert 0 < int(refused.headers["retry-after"]) <= 86_400
        allow(Quotas(events_per_s=0.01))
        assert [each.status_code for each in (invoked([event] * 2), invoked(event))] == [200, 429]
        allow(Quotas(sandboxes=1))
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            assert {each.status_code for each in pool.map(lambda _: invoked(event), range(16))} == {200}
