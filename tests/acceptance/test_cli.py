"""`headgate run` from outside: what it prints, where, and how it ends."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from headgate_runtime import Limits
from tests.acceptance.command import EXAMPLES, ROOT, TRACK, headgate, track, write

KEYS = [
    *("outcome", "category", "reason", "errorName", "message", "stack", "output", "logs", "fuel", "ms"),
]

ENDINGS = """\
async function onTrack(event, settings) {
  console.log('saw', event.event);
  switch (event.event) {
    case 'forward': return { ...event, key: settings.key };
    case 'nothing': return;
    case 'drop': throw new DropEvent('not wanted');
    case 'invalid': throw new InvalidEventPayload('no price');
    case 'unsupported': throw new EventNotSupported('not this one');
    case 'retry': throw new RetryError('later');
    case 'oops': return event.missing.name;
    case 'text': return 'a string';
  }
}
"""


def table_row(category: str | None) -> tuple[str, str | None]:
    """Outcome and reason of a category, from the issue's table of outcomes."""
    rows = {
        None: ("forward", None),
        "Filtered at insert function": ("filtered", "filtered_at_insert_function"),
        "Unsupported Event Type": ("discard", "unsupported_event_type"),
        "Message Rejected": ("discard", "message_rejected"),
        "Bad Request": ("discard", "bad_request"),
        "Retry": ("retry", "retry"),
        "Timeout": ("retry", "gateway_timeout"),
    }
    return rows[category]


# ---- run ----


def test_the_example_is_what_make_run_shows() -> None:
    done = headgate(
        *("run", "examples/enrich.js", "examples/events.jsonl", "--settings", "examples/settings.json"),
        cwd=ROOT,
    )

    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0
    assert len(events) == 18
    assert all(event["context"]["region"] == "eu" for event in events if event["type"] != "delete")
    assert "tea.drinker" not in done.stdout.lower()
    assert "hunter2" not in done.stdout
    assert re.fullmatch(
        r"headgate: 20 events in \d+\.\d\d s: 18 forwarded, 2 filtered, 0 discarded, 0 left for retry\n",
        done.stderr,
    )


def test_the_example_holds_every_type_of_event() -> None:
    events = [json.loads(line) for line in (EXAMPLES / "events.jsonl").read_text().splitlines()]

    assert len(events) == 20
    assert {event["type"] for event in events} == {
        *("identify", "track", "page", "screen", "group", "alias", "delete"),
    }


def test_outcomes_in_the_words_of_the_table(tmp_path: Path) -> None:
    names = ("forward", "nothing", "drop", "invalid", "unsupported", "retry", "oops", "text")
    write(tmp_path, f_js=ENDINGS, e_jsonl=track(*names) + '{"type":"page"}\n', s_json='{"key": "k"}')

    done = headgate("run", "f.js", "e.jsonl", "--settings", "s.json", "--outcomes", cwd=tmp_path)

    outcomes = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 1
    assert [list(each) for each in outcomes] == [KEYS] * 9
    assert [each["category"] for each in outcomes] == [
        None,
        *["Filtered at insert function"] * 2,
        *("Message Rejected", "Unsupported Event Type", "Retry", "Bad Request", "Bad Request"),
        "Unsupported Event Type",
    ]
    assert [(each["outcome"], each["reason"]) for each in outcomes] == [
        table_row(each["category"]) for each in outcomes
    ]
    forward, _, drop, invalid, _, _, oops, _, page = outcomes
    assert forward["output"] == {"type": "track", "event": "forward", "key": "k"}
    assert forward["logs"] == [{"level": "log", "message": "saw forward"}]
    assert (drop["errorName"], drop["message"], drop["output"]) == ("DropEvent", "not wanted", None)
    assert (invalid["errorName"], invalid["message"]) == ("InvalidEventPayload", "no price")
    assert oops["errorName"] == "TypeError"
    assert re.search(r"function\.js:10:\d+", oops["stack"])
    assert (page["errorName"], page["message"], page["logs"]) == (
        "EventNotSupported",
        "page not supported",
        [],
    )
    assert all(each["fuel"] > 0 and each["ms"] > 0 for each in outcomes)
    assert "9 events" in done.stderr
    assert "1 forwarded, 2 filtered, 5 discarded, 1 left for retry" in done.stderr
    assert "first at line 4: Message Rejected: InvalidEventPayload: no price" in done.stderr


@pytest.mark.parametrize("events", [[], ["-"]])
def test_events_from_stdin(tmp_path: Path, events: list[str]) -> None:
    write(tmp_path, f_js="onTrack = (event) => event")

    done = headgate("run", "f.js", *events, cwd=tmp_path, stdin=TRACK)

    assert (done.returncode, done.stdout) == (0, TRACK)


def test_forwarded_and_filtered_events_are_all_fine(tmp_path: Path) -> None:
    write(tmp_path, f_js="onTrack = (event) => event.event === 'keep' ? event : undefined")

    done = headgate("run", "f.js", cwd=tmp_path, stdin=track("keep", "drop"))

    assert (done.returncode, done.stdout) == (0, '{"type":"track","event":"keep"}\n')


def test_no_events_at_all(tmp_path: Path) -> None:
    write(tmp_path, f_js="onTrack = (event) => event")

    done = headgate("run", "f.js", cwd=tmp_path)

    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr.startswith("headgate: 0 events in ")


def test_malformed_lines_are_named_and_the_run_goes_on(tmp_path: Path) -> None:
    lines = (
        b"\xef\xbb\xbf"
        + TRACK.encode()
        + b'\n{"type":"track"\n[1]\n"\xff"\r\n'
        + b" " * 300
        + b"x\n"
        + TRACK.encode()
    )
    write(tmp_path, f_js="onTrack = (event) => event")
    (tmp_path / "e.jsonl").write_bytes(lines)

    done = headgate("run", "f.js", "e.jsonl", "--input-bytes", "200", cwd=tmp_path)

    assert (done.returncode, done.stdout) == (1, TRACK * 2)
    assert done.stderr.splitlines()[:-1] == [
        "e.jsonl:3: skipped: not JSON: Expecting ',' delimiter at column 16",
        "e.jsonl:4: skipped: not an event: an event is a JSON object",
        "e.jsonl:5: skipped: not UTF-8 at byte 2",
        "e.jsonl:6: skipped: 301 bytes, more than --input-bytes 200",
    ]
    assert done.stderr.endswith(" 0 left for retry, 4 malformed\n")


def test_the_order_of_the_input_is_kept_while_many_are_under_way(tmp_path: Path) -> None:
    """Each waits less than the one before it; one after the other they would take 3.2 s."""
    source = "onTrack = (event) => new Promise((done) => setTimeout(() => done(event), event.wait))"
    write(tmp_path, f_js=source)
    events = "".join(f'{{"type":"track","wait":{400 - 25 * n},"n":{n}}}\n' for n in range(16))

    done = headgate("run", "f.js", cwd=tmp_path, stdin=events)

    assert done.stdout == events
    took = re.search(r"in (\d+\.\d+) s", done.stderr)
    assert took is not None
    assert float(took[1]) < 3


def test_a_warm_function_remembers_and_a_hermetic_one_does_not(tmp_path: Path) -> None:
    write(tmp_path, f_js="var n = 0; function onTrack(event) { event.n = ++n; return event }")

    def counts(*flags: str) -> list[int]:
        done = headgate("run", "f.js", *flags, cwd=tmp_path, stdin=TRACK * 3)
        return [json.loads(line)["n"] for line in done.stdout.splitlines()]

    assert counts() == [1, 2, 3]
    assert counts("--isolation", "hermetic") == [1, 1, 1]


def test_limits_are_flags(tmp_path: Path) -> None:
    write(tmp_path, f_js="onTrack = () => { for (;;); }")

    done = headgate("run", "f.js", "--fuel", "1000000", "--outcomes", cwd=tmp_path, stdin=TRACK)

    outcome = json.loads(done.stdout)
    assert done.returncode == 1
    assert (outcome["outcome"], outcome["category"], outcome["fuel"]) == ("retry", "Timeout", 1_000_000)
    assert outcome["message"] == "CPU limit exceeded: fuel = 1000000"


def test_every_limit_is_a_flag_with_its_default_in_the_help(tmp_path: Path) -> None:
    shown = " ".join(headgate("run", "--help", cwd=tmp_path).stdout.split())

    for name, value in ((name, getattr(Limits(), name)) for name in Limits.__dataclass_fields__):
        assert re.search(rf"--{name.replace('_', '-')} N .*?default {value}, from \d+ to \d+", shown), name


# ---- batches ----


def test_batches_of_n_events(tmp_path: Path) -> None:
    write(tmp_path, f_js="onBatch = (events) => events.map((event) => ({ ...event, of: events.length }))")

    done = headgate("run", "f.js", "--batch", "3", cwd=tmp_path, stdin=TRACK * 3 + "{\n" + TRACK * 4)

    assert done.returncode == 1
    assert [json.loads(line)["of"] for line in done.stdout.splitlines()] == [3, 3, 3, 3, 3, 3, 1]
    assert "stdin:4: skipped" in done.stderr


def test_each_event_of_a_batch_has_its_outcome(tmp_path: Path) -> None:
    write(tmp_path, f_js="onBatch = (events) => [events[0], null, 'text', { status: 503 }]")

    done = headgate("run", "f.js", "--batch", "4", "--outcomes", cwd=tmp_path, stdin=TRACK * 4)

    assert [json.loads(line)["outcome"] for line in done.stdout.splitlines()] == [
        *("forward", "filtered", "discard", "retry"),
    ]


def test_two_events_on_one_line_are_not_smuggled_into_a_batch(tmp_path: Path) -> None:
    write(tmp_path, f_js="onBatch = (events) => events")

    done = headgate("run", "f.js", "--batch", "2", cwd=tmp_path, stdin=f"{TRACK.strip()},{TRACK}{TRACK}")

    assert (done.returncode, done.stdout) == (1, TRACK)
    assert "stdin:1: skipped: not JSON: Extra data" in done.stderr
