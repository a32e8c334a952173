"""TypeScript from the command line: taken wherever JavaScript is, by the name of the file."""

from __future__ import annotations

import json
from pathlib import Path

from tests.acceptance.command import TRACK, headgate, write

SOURCE = """\
interface Settings { plan: string }
enum Level { Low, High }

async function onTrack(event: any, settings: Settings): Promise<any> {
  if (event.event === 'Fail') throw new ValidationError(event.event as string);
  return { ...event, plan: settings.plan, level: Level.High satisfies number };
}
function onPage(event: any): void {
  event.seen = true;
}
function onTrak<T>(event: T): T { return event }
"""


def test_it_runs_builds_and_replays(tmp_path: Path) -> None:
    write(tmp_path, f_ts=SOURCE, s_json='{"plan": "free"}')
    failing = TRACK.replace("Read", "Fail")

    ran = headgate("run", "f.ts", "--settings", "s.json", cwd=tmp_path, stdin=TRACK)
    built = headgate("build", "f.ts", "-o", "f.wasm", cwd=tmp_path)
    from_image = headgate("run", "f.wasm", "--settings", "s.json", cwd=tmp_path, stdin=TRACK)
    failed = headgate(
        *("run", "f.ts", "--settings", "s.json", "--outcomes", "--record", "r.json"),
        cwd=tmp_path,
        stdin=failing,
    )
    replayed = headgate("replay", "r.json", cwd=tmp_path)

    assert built.returncode == 0, built.stderr
    assert json.loads(ran.stdout) == {**json.loads(TRACK), "plan": "free", "level": 1}
    assert ran.stdout == from_image.stdout
    assert "function.js:5:" in json.loads(failed.stdout)["stack"]
    assert replayed.returncode == 0, replayed.stderr


def test_check_reads_it_as_it_reads_javascript(tmp_path: Path) -> None:
    write(tmp_path, f_ts=SOURCE)

    done = headgate("check", "f.ts", cwd=tmp_path)

    first, *warnings = done.stdout.splitlines()
    assert (done.returncode, first) == (0, "f.ts: no errors; handlers: onTrack, onPage")
    assert [warning.partition(" warning: ")[0] for warning in warnings] == ["f.ts:8:"]


def test_what_is_wrong_is_shown_as_it_was_written(tmp_path: Path) -> None:
    write(tmp_path, f_ts="type A = 1\nfunction onTrack(event: {a: string) {}\n")

    checked = headgate("check", "f.ts", cwd=tmp_path)
    ran = headgate("run", "f.ts", cwd=tmp_path, stdin=TRACK)

    shown = (
        'headgate: f.ts:2:35: SyntaxError: Unexpected token, expected ";"\n'
        "    function onTrack(event: {a: string) {}\n" + " " * 38 + "^\n"
    )
    assert (checked.returncode, checked.stderr) == (1, shown)
    assert (ran.returncode, ran.stderr) == (2, shown)


def test_other_names_are_javascript(tmp_path: Path) -> None:
    write(tmp_path, f_js=SOURCE)

    assert headgate("check", "f.js", cwd=tmp_path).stderr.startswith("headgate: f.js:1:")
