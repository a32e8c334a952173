"""`headgate quota` while a server runs: it holds from the next event on, and nothing is lost by it."""

from __future__ import annotations

from pathlib import Path

from tests.acceptance.service.place import Place, until


def test_quotas_hold_for_the_next_event(tmp_path: Path) -> None:
    place = Place(tmp_path)
    place.apply()
    none = "functions     none\nevents_per_s  none\nfuel_per_day  none\nsandboxes     none\n"
    assert place.command("quota") == none
    with place.serving() as client:
        client.track(1)
        until(lambda: len(place.arrived()) == 1)
        assert "fuel_per_day  1\n" in place.command("quota", "--fuel-per-day", "1")
        client.track(2)
        until(lambda: place.command("dead").count("FUNCTIONS_LOCK_OUT") == 1)
        place.command("quota", "--fuel-per-day", "none", "--events-per-s", "0.001")
        statuses = [client.track(number).status_code for number in (3, 4)]
        assert statuses == [200, 429]
        assert place.command("quota", "--events-per-s", "none", "--sandboxes", "1").endswith("1\n")
        assert [client.track(number).status_code for number in range(5, 15)] == [200] * 10
        until(lambda: len(place.arrived()) == 12)
    assert "neither a number" in place.command("quota", "--sandboxes", "some", status=2)
