"""The examples: every command of their README as printed, and what each function is there to show."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from headgate_runtime import Image, compile  # noqa: A004 - the field's word
from tests.acceptance.command import ENVIRONMENT, EXAMPLES, headgate

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


def outcomes(function: str, *more: str) -> list[dict[str, Any]]:
    """What became of each event by the command of the README."""
    done = shell(" ".join([COMMANDS[function], "--outcomes", *more]))
    assert "Traceback" not in done.stderr, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


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
def test_nothing_in_them_looks_like_a_mistake(function: str) -> None:
    done = headgate("check", function, cwd=EXAMPLES)

    assert done.returncode == 0
    assert len(done.stdout.splitlines()) == 1, done.stdout


@pytest.mark.parametrize("function", COMMANDS)
def test_their_top_level_asks_for_nothing(function: str) -> None:
    image = compile(
        (EXAMPLES / function).read_bytes(),
        language="typescript" if function.endswith(".ts") else "javascript",
    )

    assert isinstance(image, Image), image
    assert not image.deferred


def test_a_token_is_fetched_once() -> None:
    done = outcomes("patterns/token.js", "--sandboxes 1")

    asked = [(request["method"], request["url"]) for each in done for request in each["requests"]]
    segments = [each["output"]["context"].get("segment") for each in done]
    assert [method for method, _ in asked].count("POST") == 1
    assert len(asked) == 1 + sum("userId" in event for event in EVENTS)
    assert segments == ["regular", "regular", "business", None, None, None, None, "business"]


def test_masked_data_names_nobody() -> None:
    done = [json.loads(line) for line in shell(COMMANDS["patterns/mask.js"]).stdout.splitlines()]

    text = json.dumps(done).lower()
    assert not any(secret in text for secret in ("user-", "tea.drinker", "901820", "203.0.113.1"))
    assert done[0]["userId"] == done[1]["userId"] != done[2]["userId"] == done[7]["userId"]
    assert re.fullmatch(r"[0-9a-f]{24}@example\.org", done[0]["traits"]["email"])
    assert done[1]["properties"]["comment"] == "call ***20 or write to ***@example.org"
    assert done[0]["traits"]["plan"] == "free"


def test_what_is_encrypted_can_be_decrypted_and_not_changed(tmp_path: Path) -> None:
    both = shell(COMMANDS["patterns/cipher.js"])
    first, _, second = COMMANDS["patterns/cipher.js"].partition(" | ")
    sealed = [json.loads(line) for line in shell(first).stdout.splitlines()]
    assert [json.loads(line) for line in both.stdout.splitlines()] == EVENTS
    assert sealed[0]["traits"]["email"] != EVENTS[0]["traits"]["email"]
    assert sealed[2] == EVENTS[2]

    traits = sealed[0]["traits"]
    traits["email"], traits["phone"] = traits["phone"], traits["email"]
    (tmp_path / "moved.jsonl").write_text(json.dumps(sealed[0]) + "\n")
    moved = json.loads(shell(f"{second} {tmp_path}/moved.jsonl --outcomes").stdout)
    assert (moved["outcome"], moved["errorName"]) == ("discard", "InvalidEventPayload")
    assert "traits.email" in moved["message"]


def test_the_filter_takes_every_branch() -> None:
    done = outcomes("patterns/filter.js")

    assert [each["outcome"] for each in done] == [
        *("forward", "forward", "forward", "filtered"),
        *("filtered", "filtered", "forward", "forward"),
    ]
    assert [each["output"]["properties"].get("tier") for each in (done[1], done[2], done[6])] == [
        *("medium", "large", None),
    ]
    assert (done[3]["message"], done[4]["message"]) == ("pages are not wanted", "an order from nowhere")


def test_only_who_agreed_is_forwarded() -> None:
    done = outcomes("patterns/consent.js")

    forwarded = [each["output"] for each in done if each["outcome"] == "forward"]
    dropped = [each["message"] for each in done if each["outcome"] == "filtered"]
    assert [event["messageId"] for event in forwarded] == ["p1", "p5", "p7", "p8"]
    assert "consent" not in json.dumps(forwarded)
    assert sorted(set(dropped)) == ["consent was never asked for", "no consent to advertising"]


def test_what_is_invalid_is_rejected_with_all_reasons() -> None:
    done = outcomes("patterns/validate.ts")

    rejected = [(each["errorName"], each["message"]) for each in done if each["outcome"] != "forward"]
    assert rejected == [
        ("ValidationError", "orderId is no text; total is no amount; currency is no ISO 4217 code"),
        ("EventNotSupported", "Heartbeat is not in the tracking plan"),
    ]


def test_what_may_pass_is_tried_again_and_what_will_not_is_discarded() -> None:
    done = {
        each_event["messageId"]: each
        for each_event, each in zip(EVENTS, outcomes("patterns/retry.js"), strict=True)
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
def test_a_batch_comes_back_in_its_order(size: int) -> None:
    done = outcomes("patterns/split.js", f"--batch {size}")

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


def test_a_profile_is_looked_up_once_a_person() -> None:
    done = outcomes("patterns/profile.ts", "--sandboxes 1")

    urls = [request["url"] for each in done for request in each["requests"]]
    assert done[1]["output"]["properties"]["profile_plan"] == "pro"
    assert done[2]["output"]["properties"]["profile_orders"] == 3
    assert "profile_plan" not in done[5]["output"]["properties"]
    assert len(urls) == len(set(urls)) == 5
    assert all(url.endswith("/traits?include=plan%2Corders") for url in urls)


def test_a_profile_is_looked_up_again_by_another_event_only(tmp_path: Path) -> None:
    (tmp_path / "twice.jsonl").write_text(f"{json.dumps(EVENTS[1])}\n" * 3)
    command = COMMANDS["patterns/profile.ts"].replace("patterns/events.jsonl", f"{tmp_path}/twice.jsonl")

    done = [json.loads(line) for line in shell(f"{command} --outcomes --sandboxes 1").stdout.splitlines()]

    assert [len(each["requests"]) for each in done] == [1, 0, 0]
    assert all(each["output"]["properties"]["profile_orders"] == 14 for each in done)
