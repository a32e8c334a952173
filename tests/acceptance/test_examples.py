"""The examples: every command of their README as printed, and what each function is there to show."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from headgate.cli import main
from headgate_runtime import Image, compile  # noqa: A004 - the field's word
from tests.acceptance.command import ENVIRONMENT, EXAMPLES

ROWS = re.findall(
    r"^\| `(\S+)` \| .+? \| `(headgate .+)` \|$", (EXAMPLES / "README.md").read_text(), re.MULTILINE
)

COMMANDS = {function: command.replace("\\|", "|") for function, command in ROWS}

EVENTS = [json.loads(line) for line in (EXAMPLES / "patterns" / "events.jsonl").read_text().splitlines()]


def shell(command: str) -> subprocess.CompletedProcess[str]:
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command}"],
        cwd=EXAMPLES,
        env={**ENVIRONMENT, "PATH": path},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


class Command:
    """The command line in this very process: there are many, and starting each takes longer than running it."""

    def __init__(self, output: pytest.CaptureFixture[str]) -> None:
        self._output = output

    def __call__(self, command: str) -> tuple[int, list[str]]:
        """Exit status, and the lines that were printed."""
        status = main(shlex.split(command)[1:])
        return status, self._output.readouterr().out.splitlines()

    def outcomes(self, function: str, *more: str) -> list[dict[str, Any]]:
        """What became of each event by the command of the README, with options more."""
        _, lines = self(" ".join([COMMANDS[function], "--outcomes", *more]))
        return [json.loads(line) for line in lines]


@pytest.fixture
def command(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    monkeypatch.chdir(EXAMPLES)
    return Command(capfd)


def test_every_example_is_in_the_table() -> None:
    files = {
        path.relative_to(EXAMPLES).as_posix() for path in EXAMPLES.rglob("*") if path.suffix in (".js", ".ts")
    }

    assert files == set(COMMANDS)


IMPERFECT = {"enrich.js": 0, "patterns/validate.ts": 1, "patterns/retry.js": 1}


@pytest.mark.parametrize("function", COMMANDS)
def test_commands_run_as_printed(function: str) -> None:
    done = shell(COMMANDS[function])

    assert done.returncode == IMPERFECT.get(function, 0), done.stderr
    assert done.stderr.count("headgate: ") == COMMANDS[function].count("headgate run")
    assert all(json.loads(line)["type"] for line in done.stdout.splitlines())


@pytest.mark.parametrize("function", COMMANDS)
def test_nothing_in_them_looks_like_a_mistake(command: Command, function: str) -> None:
    status, lines = command(f"headgate check {function}")

    assert (status, len(lines)) == (0, 1), lines


@pytest.mark.parametrize("function", COMMANDS)
def test_their_top_level_asks_for_nothing(function: str) -> None:
    image = compile(
        (EXAMPLES / function).read_bytes(),
        language="typescript" if function.endswith(".ts") else "javascript",
    )

    assert isinstance(image, Image), image
    assert not image.deferred


def test_a_token_is_fetched_once(command: Command) -> None:
    done = command.outcomes("patterns/token.js", "--sandboxes 1")

    asked = [(request["method"], request["url"]) for each in done for request in each["requests"]]
    segments = [each["output"]["context"].get("segment") for each in done]
    assert [method for method, _ in asked].count("POST") == 1
    assert len(asked) == 1 + sum("userId" in event for event in EVENTS)
    assert segments == ["regular", "regular", "business", None, None, None, None, "business"]


def test_masked_data_names_nobody(command: Command) -> None:
    _, lines = command(COMMANDS["patterns/mask.js"])
    done = [json.loads(line) for line in lines]

    text = json.dumps(done).lower()
    assert not any(secret in text for secret in ("user-", "tea.drinker", "901820", "203.0.113.1"))
    assert done[0]["userId"] == done[1]["userId"] != done[2]["userId"] == done[7]["userId"]
    assert re.fullmatch(r"[0-9a-f]{24}@example\.org", done[0]["traits"]["email"])
    assert done[1]["properties"]["comment"] == "call ***20 or write to ***@example.org"
    assert done[0]["traits"]["plan"] == "free"


def test_what_is_encrypted_can_be_decrypted_and_not_changed(command: Command, tmp_path: Path) -> None:
    encrypt, _, _ = COMMANDS["patterns/cipher.js"].partition(" | ")
    decrypt = f"headgate run patterns/cipher.js {tmp_path}/sealed.jsonl --settings patterns/decrypt.json"
    _, lines = command(encrypt)
    (tmp_path / "sealed.jsonl").write_text("\n".join(lines) + "\n")
    sealed = [json.loads(line) for line in lines]
    assert [json.loads(line) for line in command(decrypt)[1]] == EVENTS
    assert sealed[0]["traits"]["email"] != EVENTS[0]["traits"]["email"]
    assert sealed[2] == EVENTS[2]

    traits = sealed[0]["traits"]
    traits["email"], traits["phone"] = traits["phone"], traits["email"]
    (tmp_path / "sealed.jsonl").write_text(json.dumps(sealed[0]) + "\n")
    _, (line,) = command(f"{decrypt} --outcomes")
    moved = json.loads(line)
    assert (moved["outcome"], moved["errorName"]) == ("discard", "InvalidEventPayload")
    assert "traits.email" in moved["message"]


def test_the_filter_takes_every_branch(command: Command) -> None:
    done = command.outcomes("patterns/filter.js")

    assert [each["outcome"] for each in done] == [
        *("forward", "forward", "forward", "filtered"),
        *("filtered", "filtered", "forward", "forward"),
    ]
    assert [each["output"]["properties"].get("tier") for each in (done[1], done[2], done[6])] == [
        *("medium", "large", None),
    ]
    assert (done[3]["message"], done[4]["message"]) == ("pages are not wanted", "an order from nowhere")


def test_only_who_agreed_is_forwarded(command: Command) -> None:
    done = command.outcomes("patterns/consent.js")

    forwarded = [each["output"] for each in done if each["outcome"] == "forward"]
    dropped = [each["message"] for each in done if each["outcome"] == "filtered"]
    assert [event["messageId"] for event in forwarded] == ["p1", "p5", "p7", "p8"]
    assert "consent" not in json.dumps(forwarded)
    assert sorted(set(dropped)) == ["consent was never asked for", "no consent to advertising"]


def test_what_is_invalid_is_rejected_with_all_reasons(command: Command) -> None:
    done = command.outcomes("patterns/validate.ts")

    rejected = [(each["errorName"], each["message"]) for each in done if each["outcome"] != "forward"]
    assert rejected == [
        ("ValidationError", "orderId is no text; total is no amount; currency is no ISO 4217 code"),
        ("EventNotSupported", "Heartbeat is not in the tracking plan"),
    ]


def test_what_may_pass_is_tried_again_and_what_will_not_is_discarded(command: Command) -> None:
    done = {
        each_event["messageId"]: each
        for each_event, each in zip(EVENTS, command.outcomes("patterns/retry.js"), strict=True)
    }

    assert {name: each["outcome"] for name, each in done.items() if each["requests"]} == {
        **dict.fromkeys(["p3", "p6", "p7"], "retry"),
        "p2": "forward",
        "p5": "discard",
    }
    assert done["p2"]["output"]["properties"]["risk"] == 0.12
    assert done["p5"]["message"] == "refused: no orders"
    assert done["p6"]["message"] == "the service answered 503"
    assert done["p7"]["message"] == "too busy; free again in 30 s"


@pytest.mark.parametrize("size", [8, 3, 1])
def test_a_batch_comes_back_in_its_order(command: Command, size: int) -> None:
    done = command.outcomes("patterns/split.js", f"--batch {size}")

    assert [each["output"]["messageId"] for each in done if each["output"]] == [
        "p1",
        "p2",
        "p3",
        "p5",
        "p7",
        "p8",
    ]
    assert [EVENTS[i]["type"] for i, each in enumerate(done) if not each["output"]] == ["page", "track"]
    if size == 8:
        assert [each["output"]["properties"]["share"] for each in (done[1], done[2])] == [5, 94]


def test_a_profile_is_looked_up_once_a_person(command: Command) -> None:
    done = command.outcomes("patterns/profile.ts", "--sandboxes 1")

    urls = [request["url"] for each in done for request in each["requests"]]
    assert done[1]["output"]["properties"]["profile_plan"] == "pro"
    assert done[2]["output"]["properties"]["profile_orders"] == 3
    assert "profile_plan" not in done[5]["output"]["properties"]
    assert len(urls) == len(set(urls)) == 5
    assert all(url.endswith("/traits?include=plan%2Corders") for url in urls)


def test_a_profile_is_looked_up_again_by_another_event_only(command: Command, tmp_path: Path) -> None:
    (tmp_path / "twice.jsonl").write_text(f"{json.dumps(EVENTS[1])}\n" * 3)
    twice = COMMANDS["patterns/profile.ts"].replace("patterns/events.jsonl", f"{tmp_path}/twice.jsonl")

    _, lines = command(f"{twice} --outcomes --sandboxes 1")

    done = [json.loads(line) for line in lines]

    assert [len(each["requests"]) for each in done] == [1, 0, 0]
    assert all(each["output"]["properties"]["profile_orders"] == 14 for each in done)
