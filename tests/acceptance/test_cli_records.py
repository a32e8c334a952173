"""Invocations recorded by `headgate run --record`, and replayed."""

from __future__ import annotations

import json
import stat
from pathlib import Path

from tests.acceptance.command import TRACK, headgate, track, write

CHANCE = """\
function onTrack(event) {
  console.log(Math.random(), Date.now());
  if (event.event === 'bad') throw new ValidationError(`no ${Math.random()}`);
  return event;
}
"""


def test_the_first_event_that_was_not_forwarded_is_recorded_and_reproduces(tmp_path: Path) -> None:
    write(tmp_path, f_js=CHANCE, e_jsonl=track("good", "bad", "bad"), s_json='{"secret": "s3cret"}')

    done = headgate(
        *("run", "f.js", "e.jsonl", "--settings", "s.json", "--outcomes", "--record", "r.json"), cwd=tmp_path
    )
    replayed = headgate("replay", "r.json", cwd=tmp_path)

    assert "recorded line 2 in r.json" in done.stderr
    assert stat.S_IMODE((tmp_path / "r.json").stat().st_mode) == 0o600
    wanted, got = json.loads(done.stdout.splitlines()[1]), json.loads(replayed.stdout)
    assert wanted.pop("ms") is not None
    assert got.pop("ms") is not None
    assert got == wanted
    assert (replayed.returncode, replayed.stderr) == (
        0,
        "headgate: reproduced: the same outcome, output, logs and fuel as recorded\n",
    )


def test_the_event_of_a_line_is_recorded(tmp_path: Path) -> None:
    write(tmp_path, f_js=CHANCE, e_jsonl=track("good", "fine"))

    done = headgate("run", "f.js", "e.jsonl", "--record", "r.json", "--record-line", "2", cwd=tmp_path)
    (tmp_path / "f.js").rename(tmp_path / "g.js")
    replayed = headgate("replay", "r.json", "g.js", cwd=tmp_path)

    assert done.returncode == replayed.returncode == 0
    assert json.loads(replayed.stdout)["output"]["event"] == "fine"


def test_a_batch_is_recorded_whole(tmp_path: Path) -> None:
    write(tmp_path, f_js="onBatch = (events) => [events[0], null]")

    headgate("run", "f.js", "--batch", "2", "--record", "r.json", cwd=tmp_path, stdin=TRACK * 2)
    replayed = headgate("replay", "r.json", cwd=tmp_path)

    assert replayed.returncode == 0
    assert "reproduced" in replayed.stderr


def test_nothing_to_record(tmp_path: Path) -> None:
    write(tmp_path, f_js="onTrack = (event) => event")

    forwarded = headgate("run", "f.js", "--record", "r.json", cwd=tmp_path, stdin=TRACK)
    beyond = headgate("run", "f.js", "--record", "r.json", "--record-line", "9", cwd=tmp_path, stdin=TRACK)

    assert forwarded.stderr.endswith("headgate: recorded nothing: every event was forwarded\n")
    assert beyond.stderr.endswith("headgate: recorded nothing: line 9 is no event\n")
    assert not (tmp_path / "r.json").exists()


def test_a_record_that_does_not_reproduce(tmp_path: Path) -> None:
    write(tmp_path, f_js=CHANCE)
    headgate("run", "f.js", "--record", "r.json", cwd=tmp_path, stdin=track("bad"))
    record = json.loads((tmp_path / "r.json").read_text())
    record["outcomes"][0]["fuel"] += 1
    record["outcomes"][0]["message"] = "another"
    write(tmp_path, r_json=json.dumps(record))

    changed = headgate("replay", "r.json", cwd=tmp_path)
    write(tmp_path, f_js=CHANCE + " ")
    other = headgate("replay", "r.json", cwd=tmp_path)

    assert changed.returncode == 1
    assert changed.stderr == "headgate: did NOT reproduce: message, fuel differ from the record\n"
    assert other.returncode == 2
    assert "r.json: cannot be replayed with f.js: the record is of image" in other.stderr
    assert "another version of the function" in other.stderr
