"""The workspace of a token, and echo."""

from __future__ import annotations

from tests.headgate.api.house import Caller, House


def test_a_token_finds_its_workspace(house: House) -> None:
    assert house.owner.get("/").data["workspace"] == {
        "id": house.workspace,
        "slug": "acme",
        "name": "Acme",
    }
    assert house.rival.get("/").data["workspace"]["slug"] == "rival"


def test_whoever_has_no_token_finds_nothing(house: House) -> None:
    answer = Caller(house, "hgt_guess").get("/")

    assert answer.status == 401
    assert answer.error["type"] == "unauthorized"


def test_echo_says_what_it_heard(house: House) -> None:
    assert house.owner.get("/echo", message="hello").data["message"] == "hello"
    assert house.owner.get("/echo").refusal == (422, "message", '"message" is required')
    assert house.owner.get("/echo", message="x", triggerError="true", statusCode="409").status == 409
    assert house.owner.get("/echo", message="x", triggerError="false", delay="1").data["message"] == "x"
    for delay in ("-1", "1e3", "10001", "9" * 400, "0" * 9 + "9" * 9, "²"):
        assert house.owner.get("/echo", message="x", delay=delay).refusal[:2] == (422, "delay")
