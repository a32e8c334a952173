"""TypeScript from the command line: taken wherever JavaScript is, by the name of the file."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from guest.build import bundles
from headgate.cli.init import TEMPLATES
from headgate_runtime.typescript import declarations
from tests.acceptance.command import TRACK, headgate, write
from tests.guest.tsc import compiler

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


@pytest.mark.parametrize("template", TEMPLATES)
def test_what_init_writes_is_right_by_its_declarations(tmp_path: Path, template: str) -> None:
    made = headgate("init", "mine", "--template", template, "--typescript", cwd=tmp_path)
    function = tmp_path / "mine" / "function.ts"
    right = tsc(tmp_path / "mine")
    function.write_text(function.read_text() + "const count: number = fetch('https://a.example/');\n")
    wrong = tsc(tmp_path / "mine")

    assert made.returncode == 0, made.stderr
    assert sorted(path.name for path in (tmp_path / "mine" / "types").iterdir()) == [
        "headgate.d.ts",
        "libraries.d.ts",
        "node.d.ts",
        "web.d.ts",
    ]
    assert (right.returncode, right.stdout) == (0, "")
    assert wrong.returncode != 0
    assert "Type 'Promise<Response>' is not assignable to type 'number'" in wrong.stdout


def tsc(project: Path) -> subprocess.CompletedProcess[str]:
    command = [str(part) for part in (bundles.node(), compiler() / "bin" / "tsc", "--project", project)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_init_overwrites_declarations_only_when_told(tmp_path: Path) -> None:
    (tmp_path / "types").mkdir()
    (tmp_path / "types" / "web.d.ts").write_text("mine")

    refused = headgate("init", "--typescript", cwd=tmp_path)

    assert (refused.returncode, refused.stderr.count("already there")) == (2, 1)
    assert not (tmp_path / "function.ts").exists()
    assert headgate("init", "--typescript", "--force", cwd=tmp_path).returncode == 0
    assert (tmp_path / "types" / "web.d.ts").read_bytes() == declarations()["web.d.ts"]


def test_other_names_are_javascript(tmp_path: Path) -> None:
    write(tmp_path, f_js=SOURCE)

    assert headgate("check", "f.js", cwd=tmp_path).stderr.startswith("headgate: f.js:1:")
