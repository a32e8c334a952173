"""The workspace of a token, and echo."""

from __future__ import annotations

from tests.headgate.api.harness import ApiHarness, Caller


def test_a_token_finds_its_workspace(harness: ApiHarness) -> None:
    assert harness.owner.get("/").data["workspace"] == {
        "id": harness.workspace,
        "slug": "acme",
        "name": "Acme",
    }
    assert harness.rival.get("/").data["workspace"]["slug"] == "rival"


def test_whoever_has_no_token_finds_nothing(harness: ApiHarness) -> None:
    answer = Caller(harness, "hgt_guess").get("/")

    assert answer.status == 401
    assert answer.error["type"] == "unauthorized"


def test_echo_says_what_it_heard(harness: ApiHarness) -> None:
    assert harness.owner.get("/echo", message="hello").data["message"] == "hello"
    assert harness.owner.get("/echo").refusal == (422, "message", '"message" is required')
    assert harness.owner.get("/echo", message="x", triggerError="true", statusCode="409").status == 409
    assert harness.owner.get("/echo", message="x", triggerError="false", delay="1").data["message"] == "x"
    for delay in ("-1", "1e3", "10001", "9" * 400, "0" * 9 + "9" * 9, "²"):
        assert harness.owner.get("/echo", message="x", delay=delay).refusal[:2] == (422, "delay")
