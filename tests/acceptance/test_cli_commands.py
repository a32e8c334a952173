"""The commands around `run`: check, build, inspect and init; the help; and what people do wrong."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from headgate.cli.init import TEMPLATES
from headgate_runtime import abi, image
from tests.acceptance import forked
from tests.acceptance.command import EXAMPLES, ROOT, TRACK, headgate, write
from tests.acceptance.forked import HEADGATE


def test_check_names_the_handlers_and_what_looks_wrong(tmp_path: Path) -> None:
    write(
        tmp_path,
        f_js="function onTrack(event) {\n  event.a = 1;\n}\nfunction onIdentity(event) { return event }\n"
        "function onPages(event) { return event }\nvar started = Date.now();\n",
    )

    done = headgate("check", "f.js", cwd=tmp_path)

    assert done.returncode == 0
    assert done.stdout.splitlines() == [
        "f.js: no errors; handlers: onIdentify, onTrack",
        (
            "f.js: warning: the top level reads the clock, randomness or the host: it runs anew in every sandbox, which "
            "then starts slower; read them inside a handler"
        ),
        "f.js:1: warning: onTrack never returns a value: every event that it does not throw for is filtered; return the event",
        "f.js:4: warning: onIdentity is a misspelling of onIdentify and is taken for it; rename it",
        "f.js:5: warning: onPages is no handler; onPage was meant?",
    ]


@pytest.mark.parametrize(
    ("source", "warning"),
    [
        ("var a = 1", "no handler: every event would be discarded; declare onTrack, for instance"),
        (
            "onBatch = (events) => events",
            "onBatch alone: with too few events for a batch the single handlers are called; add them",
        ),
        ("onTrack = (event) => event", None),
    ],
)
def test_check_of_handlers_that_are_missing(tmp_path: Path, source: str, warning: str | None) -> None:
    write(tmp_path, f_js=source)

    lines = headgate("check", "f.js", cwd=tmp_path).stdout.splitlines()

    assert lines[1:] == ([f"f.js: warning: {warning}"] if warning else [])


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (
            "function onTrack(event) {\n\tretur event;\n}\n",
            "f.js:2:8: SyntaxError: expecting ';'\n    \tretur event;\n    \t      ^\n",
        ),
        (
            "var é = 'ü', = 1",
            "f.js:1:14: SyntaxError: variable name expected\n    var é = 'ü', = 1\n                 ^\n",
        ),
        (
            "function onTrack() {\n",
            (
                "f.js:1:21: SyntaxError: unexpected end of the source\n"
                "    function onTrack() {\n                        ^\n"
            ),
        ),
        (
            "\nthrow new TypeError('boo\\nhoo')",
            (
                "f.js:2:11: TypeError: boo (thrown while the file was loaded)\n"
                "    throw new TypeError('boo\\nhoo')\n              ^\n"
            ),
        ),
        ("for (;;);", "f.js: loading used more than fuel = 1000000\n"),
    ],
)
def test_a_function_that_does_not_load(tmp_path: Path, source: str, expected: str) -> None:
    write(tmp_path, f_js=source)

    checked = headgate("check", "f.js", "--fuel", "1000000", cwd=tmp_path)
    ran = headgate("run", "f.js", "--fuel", "1000000", cwd=tmp_path, stdin=TRACK)

    assert (checked.returncode, checked.stdout, checked.stderr) == (1, "", f"headgate: {expected}")
    assert (ran.returncode, ran.stdout, ran.stderr) == (2, "", f"headgate: {expected}")


def test_a_long_line_is_shown_around_its_fault(tmp_path: Path) -> None:
    write(tmp_path, f_js="a = 1;" * 1000 + "b c;" + "d = 1;" * 1000)

    place, shown, caret = headgate("check", "f.js", cwd=tmp_path).stderr.splitlines()

    assert place.startswith("headgate: f.js:1:6003: ")
    assert len(shown) < 130
    assert shown[caret.index("^")] == "c"


def test_an_image_runs_as_its_source_does(tmp_path: Path) -> None:
    arguments_ = (EXAMPLES / "events.jsonl", "--settings", EXAMPLES / "settings.json")

    built = headgate("build", EXAMPLES / "enrich.js", "-o", "enrich.wasm", cwd=tmp_path)
    from_image = headgate("run", "enrich.wasm", *arguments_, cwd=tmp_path)
    from_source = headgate("run", EXAMPLES / "enrich.js", *arguments_, cwd=tmp_path)

    assert (built.returncode, built.stdout) == (0, "")
    assert built.stderr.startswith("enrich.wasm: ")
    assert from_image.stdout == from_source.stdout != ""


def test_inspect_tells_what_an_image_holds(tmp_path: Path) -> None:
    headgate("build", EXAMPLES / "enrich.js", "-o", "enrich.wasm", cwd=tmp_path)

    shown = headgate("inspect", "enrich.wasm", cwd=tmp_path).stdout
    facts = json.loads(headgate("inspect", "enrich.wasm", "--json", cwd=tmp_path).stdout)

    loaded = image.Image.load(tmp_path / "enrich.wasm")
    assert facts["handlers"] == list(loaded.handlers) == list(abi.HANDLERS[:7])
    assert (facts["digest"], facts["source"], facts["engine"]) == (
        loaded.digest,
        loaded.source,
        loaded.engine,
    )
    assert (facts["abi"], facts["deferred"], facts["runsHere"]) == (abi.VERSION, False, True)
    assert facts["size"] == (tmp_path / "enrich.wasm").stat().st_size
    assert facts["memoryPages"] * 65_536 == loaded.memory_bytes
    assert [part["name"] for part in facts["sections"]] == ["custom", "memory", "export", "data"]
    assert loaded.digest in shown
    assert "onIdentify, onTrack, onPage, onScreen, onGroup, onAlias, onDelete" in shown


def test_an_image_of_another_abi_or_engine_is_refused(tmp_path: Path) -> None:
    facts = {"handlers": [], "deferred": False, "source": "", "mailbox": 0, "engine": "other"}
    (tmp_path / "abi.wasm").write_bytes(image.make(b"", 1, {"abi": 999, **facts}))
    (tmp_path / "engine.wasm").write_bytes(image.make(b"", 1, {"abi": abi.VERSION, **facts}))

    of_abi = headgate("run", "abi.wasm", cwd=tmp_path, stdin=TRACK)
    of_engine = headgate("run", "engine.wasm", cwd=tmp_path, stdin=TRACK)

    assert (of_abi.returncode, of_engine.returncode) == (2, 2)
    assert "abi.wasm: the image has ABI version 999" in of_abi.stderr
    assert (
        "engine.wasm: the image was made by another build of the engine: build it again" in of_engine.stderr
    )
    assert "cannot run here" in headgate("inspect", "engine.wasm", cwd=tmp_path).stdout


@pytest.mark.parametrize("language", ["js", "ts"])
@pytest.mark.parametrize("template", TEMPLATES)
def test_what_init_writes_is_ready_to_run(tmp_path: Path, template: str, language: str) -> None:
    flags = ["--typescript"] if language == "ts" else []
    made = headgate("init", "mine", "--template", template, *flags, cwd=tmp_path)
    batch = ["--batch", "3"] if template == "batch" else []
    function = f"mine/function.{language}"

    checked = headgate("check", function, cwd=tmp_path)
    done = headgate(
        "run",
        function,
        "mine/events.jsonl",
        "--settings",
        "mine/settings.json",
        *batch,
        cwd=tmp_path,
    )

    assert made.returncode == 0
    assert len(checked.stdout.splitlines()) == 1
    expected = list(abi.HANDLERS) if template == "batch" else list(abi.HANDLERS[:7])
    assert checked.stdout == f"{function}: no errors; handlers: {', '.join(expected)}\n"
    assert (done.returncode, done.stdout) == (0, (tmp_path / "mine" / "events.jsonl").read_text())
    types = [json.loads(line)["type"] for line in done.stdout.splitlines()]
    assert sorted(types) == ["alias", "delete", "group", "identify", "page", "screen", "track"]


def test_init_overwrites_only_when_told(tmp_path: Path) -> None:
    write(tmp_path, function_js="mine")

    refused = headgate("init", cwd=tmp_path)

    assert refused.returncode == 2
    assert "function.js: already there" in refused.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["function.js"]
    assert headgate("init", "--force", cwd=tmp_path).returncode == 0
    assert (tmp_path / "function.js").read_text() != "mine"


# ---- what people do wrong ----


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("run", "headgate run: the following arguments are required: FUNCTION (see headgate run --help)"),
        ("frobnicate", "headgate: argument COMMAND: invalid choice: 'frobnicate' (choose from"),
        ("run none.js", "headgate: none.js: no such file or directory"),
        ("run f.js none.jsonl", "headgate: none.jsonl: no such file or directory"),
        ("run f.js .", "headgate: .: is a directory; name a file of events, one JSON object a line"),
        ("run f.js --settings none.json", "headgate: none.json: no such file or directory"),
        ("run f.js --settings broken.json", "headgate: broken.json:2:8: not JSON: Expecting value"),
        ("run f.js --settings list.json", "headgate: list.json: settings must be a JSON object"),
        ("run f.js --fuel 1", "headgate: --fuel must be an integer from 100000 to"),
        ("run f.js --time-ms soon", "headgate run: argument --time-ms: 'soon' is no whole number"),
        ("run f.js --batch 0", "headgate run: argument --batch: a batch has 1 to 1000 events, not 0"),
        (
            "run f.js --batch 5",
            "headgate: f.js: has no onBatch handler to give batches to; leave out --batch",
        ),
        (
            "run f.js --record-line 5",
            "headgate: --record-line says which event to record: give --record FILE.json",
        ),
        ("run f.js --record no/such/r.json", "headgate: no/such/r.json: no such file or directory"),
        (
            "run f.js --mock m.json --keep-alive",
            "headgate: --keep-alive says how connections are used, and with --mock there are none",
        ),
        (
            "run f.js --mock m.json --allow-private",
            "headgate run: argument --allow-private: not allowed with",
        ),
        ("build f.js", "headgate build: the following arguments are required: -o/--output"),
        ("build f.js -o no/such/f.wasm", "headgate: no/such/f.wasm: no such file or directory"),
        ("inspect f.js", "headgate: f.js: not a guest image: "),
        ("inspect list.json", "headgate: list.json: not a guest image: "),
        ("replay list.json", "headgate: list.json: not a record"),
        ("replay none.json", "headgate: none.json: no such file or directory"),
        ("init f.js/x", "headgate: f.js/x: not a directory"),
    ],
)
def test_mistakes_are_named_in_a_line(tmp_path: Path, command: str, expected: str) -> None:
    write(tmp_path, f_js="onTrack = () => {}", broken_json='{\n "key": \n', list_json="[]")
    write(tmp_path, broken_json='{\n "key":}\n')

    done = headgate(*command.split(), cwd=tmp_path, stdin=TRACK)

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(expected)
    assert len(done.stderr.splitlines()) == 1


def test_debug_shows_where(tmp_path: Path) -> None:
    done = forked.run("--debug", "run", "none.js", cwd=tmp_path, capture_output=True, text=True)

    assert "Traceback" in done.stderr
    assert done.stderr.endswith("headgate: none.js: no such file or directory\n")


def test_version(tmp_path: Path) -> None:
    assert headgate("--version", cwd=tmp_path).stdout == "headgate 0.1.0\n"


# ---- the examples of the help ----

COMMANDS = ("run", "check", "build", "inspect", "init", "replay")


def examples(text: str) -> list[str]:
    _, _, after = text.partition("examples:\n")
    return [line.strip() for line in after.split("\n\n")[0].splitlines()]


@pytest.mark.parametrize("command", [None, *COMMANDS])
def test_the_examples_of_the_help_work_as_printed(tmp_path: Path, command: str | None) -> None:
    for example in filter(Path.is_file, EXAMPLES.iterdir()):
        (tmp_path / example.name).write_bytes(example.read_bytes())
    (tmp_path / "batch.js").write_bytes((ROOT / "src/headgate/templates/batch.js").read_bytes())
    shown = headgate(*filter(None, [command]), "--help", cwd=tmp_path).stdout

    found = examples(shown)

    assert found
    for line in found:
        done = subprocess.run(
            ["bash", "-o", "pipefail", "-c", line],
            cwd=tmp_path,
            env={**os.environ, "PATH": f"{HEADGATE.parent}:{os.environ['PATH']}"},
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        assert done.returncode == 0, (line, done.stderr)


def test_help_fits_its_width(tmp_path: Path) -> None:
    for command in (None, *COMMANDS):
        shown = headgate(*filter(None, [command]), "--help", cwd=tmp_path).stdout
        assert max(map(len, shown.splitlines())) <= 100
