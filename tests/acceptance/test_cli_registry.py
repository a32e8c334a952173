"""apply, export, token and keys from outside: what they print, where, and how they end."""

from __future__ import annotations

import os
import pty
import subprocess
import threading
from pathlib import Path

import pytest

from headgate.paths import DataDirectory
from headgate.registry import tokens, users, workspaces
from headgate.registry.snapshot_store import SnapshotStore
from headgate.registry.store import Registry
from tests.acceptance import forked
from tests.acceptance.command import ENVIRONMENT
from tests.acceptance.forked import HEADGATE

MANIFEST = """\
[[sources]]
slug = "web"
write_keys = ["web-key"]

[[functions]]
name = "Enrich"
path = "enrich.js"
settings = [{ label = "API Key", sensitive = true, required = true }]

[[destinations]]
name = "Warehouse"
source = "web"
kind = "webhook"
url = "https://warehouse.example/events"
headers = { Authorization = { env = "WAREHOUSE_TOKEN" } }
function = { name = "Enrich", settings = { apiKey = { env = "API_KEY" } } }
"""

SHOWN = """\
+ workspace default
    name: default
+ function Enrich
    code: 1 line of javascript
    setting apiKey: STRING, required, sensitive
    batch_max_count: 20
    isolation: warm
    time_ms: 5000
+ source web
    name: web
    enabled: true
    write key: web-…
+ destination web / Warehouse
    kind: webhook
    enabled: true
    url: https://warehouse.example/events
    headers.Authorization: (secret) set
+ destination web / Warehouse, function Enrich
    enabled: true
    settings.apiKey: (secret)
"""

SECRETS = {"WAREHOUSE_TOKEN": "Bearer t0p-secret", "API_KEY": "t0p-secret-key"}


class Person:
    """Runs commands in a directory of files."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.write("headgate.toml", MANIFEST)
        self.write("enrich.js", "function onTrack(event) { return event }\n")

    def write(self, name: str, text: str) -> None:
        (self.directory / name).write_text(text)

    def headgate(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        done = forked.run(
            *arguments,
            cwd=self.directory,
            env=ENVIRONMENT | SECRETS | environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )
        assert "Traceback" not in done.stderr, done.stderr
        assert "t0p-secret" not in done.stdout + done.stderr
        return done

    def answering(self, answer: str, *arguments: str, **environment: str) -> tuple[int, str]:
        """The exit status, and what is seen on the terminal; what is typed there is seen, too."""
        terminal, side = pty.openpty()
        process = forked.Popen(
            *arguments,
            cwd=self.directory,
            stdin=side,
            stdout=side,
            stderr=side,
            env=ENVIRONMENT | SECRETS | {"TERM": "xterm"} | environment,
        )
        os.close(side)
        os.write(terminal, f"{answer}\n".encode())
        seen: list[bytes] = []

        def read() -> None:
            try:
                while chunk := os.read(terminal, 65_536):
                    seen.append(chunk)
            except OSError:  # how a terminal ends on Linux
                return

        reader = threading.Thread(target=read)
        reader.start()
        status = process.wait(60)
        reader.join(10)
        os.close(terminal)
        return status, b"".join(seen).decode().replace("\r\n", "\n")


@pytest.fixture
def person(tmp_path: Path) -> Person:
    return Person(tmp_path)


def test_apply_shows_what_it_does_and_does_it_once(person: Person) -> None:
    first = person.headgate("apply", "--yes")

    assert (first.returncode, first.stdout, first.stderr) == (0, SHOWN, "")
    second = person.headgate("apply")
    assert (second.returncode, second.stdout, second.stderr) == (0, "nothing to change\n", "")
    for path in (person.directory / "headgate-data").iterdir():
        assert b"t0p-secret" not in path.read_bytes()


def test_a_dry_run_changes_nothing(person: Person) -> None:
    dry = person.headgate("apply", "--dry-run")

    assert (dry.returncode, dry.stdout) == (0, SHOWN)
    assert person.headgate("apply", "--dry-run").stdout == SHOWN


def test_nobody_is_asked_where_nobody_is(person: Person) -> None:
    done = person.headgate("apply")

    assert (done.returncode, done.stdout) == (2, SHOWN)
    assert done.stderr == (
        "headgate: nobody is there to agree: pass --yes to make these changes, or --dry-run to see them only\n"
    )
    assert person.headgate("apply", "--dry-run").stdout == SHOWN


def test_a_person_is_asked(person: Person) -> None:
    status, seen = person.answering("n", "apply")

    assert status == 1
    assert "make 5 changes to workspace default in headgate-data? [y/N]" in seen
    assert "\x1b[32m+ function Enrich\x1b[0m" in seen
    assert person.headgate("apply", "--dry-run").stdout == SHOWN
    status, seen = person.answering("y", "apply", NO_COLOR="1")
    assert status == 0
    assert "\x1b" not in seen
    assert person.headgate("apply").stdout == "nothing to change\n"


def test_a_running_process_works_by_it_at_once(person: Person) -> None:
    person.headgate("apply", "--yes")
    with Registry.open(DataDirectory(person.directory / "headgate-data")) as registry:
        store = SnapshotStore(registry)
        before = store.load().by_write_key["web-key"].destinations[0]
        person.write("enrich.js", "function onTrack(event) { return null }\n")
        person.write("headgate.toml", MANIFEST.replace("[[dest", "# changed\n[[dest"))
        assert person.headgate("apply", "--yes").stdout == "~ function Enrich\n    code: +1 -1 lines\n"
        assert not store.is_current
        after = store.load().by_write_key["web-key"].destinations[0]

    assert before.instance is not None
    assert after.instance is not None
    assert before.instance.version != after.instance.version
    assert after.instance.version is not None
    assert "return null" in after.instance.version.code


@pytest.mark.parametrize(
    ("files", "arguments", "message"),
    [
        (
            {"enrich.js": "function onTrack(event { }\n"},
            ["--yes"],
            (
                "headgate: enrich.js:1:24: SyntaxError: Unexpected token '{'\n"
                "    function onTrack(event { }\n                           ^\n"
            ),
        ),
        (
            {
                "headgate.toml": "[[sources]]\nslog = 1\n[[functions]]\nname = 'f'\npath = 'f.js'\ntime_ms = 0\n"
            },
            ["--yes"],
            (
                "headgate: headgate.toml: sources[0].slug: is required\n"
                "headgate.toml: sources[0].slog: is unknown; did you mean 'slug'?\n"
                "headgate.toml: functions[0].time_ms: must be greater than or equal to 1\n"
            ),
        ),
        ({"headgate.toml": "\ud800"}, ["--yes"], "headgate: headgate.toml: not UTF-8\n"),
        ({"headgate.toml": "a = [" * 100_000}, ["--yes"], "headgate: headgate.toml: n"),
        ({}, ["other.toml"], "headgate: other.toml: no such file or directory\n"),
        ({"file": ""}, ["--yes", "--data", "file/data"], "headgate: file/data: not a directory\n"),
        ({}, ["--yes", "--dry-run"], "headgate apply: argument --dry-run: not allowed with argument --yes"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_changed(
    person: Person, files: dict[str, str], arguments: list[str], message: str
) -> None:
    for name, text in files.items():
        (person.directory / name).write_bytes(text.encode(errors="surrogatepass"))

    done = person.headgate("apply", *arguments)

    assert done.returncode == 2
    assert done.stderr.startswith(message)
    person.write("headgate.toml", MANIFEST)
    person.write("enrich.js", "function onTrack(event) { return event }\n")
    assert person.headgate("apply", "--dry-run").stdout == SHOWN


def test_a_variable_that_is_not_set_is_named(person: Person) -> None:
    missing = person.headgate("apply", "--yes", WAREHOUSE_TOKEN="x\ny")

    assert (missing.returncode, missing.stderr) == (
        2,
        (
            "headgate: headgate.toml: destinations[0].headers: 'Authorization' must be visible ASCII characters, with "
            "no space at either end\n"
        ),
    )
    person.write("headgate.toml", MANIFEST.replace("API_KEY", "GONE"))
    gone = person.headgate("apply", "--yes")
    assert gone.stderr == (
        "headgate: headgate.toml: destinations[0].function.settings.apiKey: the environment variable GONE is not set\n"
    )
    person.write("headgate.toml", MANIFEST)
    person.headgate("apply", "--yes")
    person.write("headgate.toml", MANIFEST.replace("API_KEY", "GONE"))
    kept = person.headgate("apply", "--yes")
    assert (kept.returncode, kept.stdout) == (0, "nothing to change\n")
    assert (
        kept.stderr
        == "destinations[0].function.settings.apiKey: GONE is not set, so the secret stays as it is\n"
    )


def test_what_could_steer_a_terminal_is_not_printed(person: Person) -> None:
    person.write("headgate.toml", '[[sources]]\nslug = "web"\nname = "a\\u202e\\u009b2Jb"\n')

    shown = person.headgate("apply", "--dry-run").stdout

    assert "\u202e" not in shown
    assert "\x9b" not in shown


def test_export_writes_back_what_was_applied(person: Person) -> None:
    person.headgate("apply", "--yes")

    exported = person.headgate("export")

    assert (
        exported.stderr == "takes secrets from: WEB_WAREHOUSE_HEADERS_AUTHORIZATION, WEB_WAREHOUSE_API_KEY\n"
    )
    person.write("exported.toml", exported.stdout)
    assert person.headgate("apply", "exported.toml", "--prune").stdout == "nothing to change\n"
    beside = person.headgate("export", "--to", "out")
    assert beside.stdout == ""
    assert beside.stderr.startswith("wrote out/headgate.toml, out/functions/enrich.js\n")
    assert (person.directory / "out/functions/enrich.js").read_bytes() == (
        person.directory / "enrich.js"
    ).read_bytes()
    assert person.headgate("apply", "out/headgate.toml", "--prune").stdout == "nothing to change\n"
    elsewhere = person.headgate(
        *("apply", "out/headgate.toml", "--data", "elsewhere", "--yes"),
        WEB_WAREHOUSE_HEADERS_AUTHORIZATION="a",
        WEB_WAREHOUSE_API_KEY="b",
    )
    assert elsewhere.returncode == 0
    assert person.headgate("export", "--data", "elsewhere").stdout == exported.stdout


def test_tokens_are_made_listed_and_revoked(person: Person) -> None:
    person.headgate("apply", "--yes")

    made = person.headgate("token", "create", "ci", "--role", "functions-admin")

    token = made.stdout.strip()
    assert made.returncode == 0
    assert token.startswith("hgt_")
    assert made.stderr.endswith("of workspace default, shown only now\n")
    (line,) = person.headgate("token", "list").stdout.splitlines()
    name, role, _, title = line.split()
    assert (role, title) == ("functions-admin", "ci")
    assert token not in line
    assert person.headgate("token", "revoke", name).stderr == f"revoked the token {name} (ci)\n"
    assert person.headgate("token", "list").stdout == ""
    again = person.headgate("token", "revoke", name)
    assert (again.returncode, again.stderr) == (2, f"headgate: there is no token {name!r}\n")


def test_a_token_for_somebody_who_was_invited_makes_a_user(person: Person) -> None:
    person.headgate("apply", "--yes")
    with Registry.open(DataDirectory(person.directory / "headgate-data"), environ={}) as registry:
        with registry.change() as change:
            workspace = workspaces.listed(change)[0].id
            users.invite(change, workspace, "ada@x.org")

        made = person.headgate("token", "create", "laptop", "--user", "Ada@x.org")

        assert made.stdout.startswith("hgt_")
        with registry.view() as view:
            (user,) = users.listed(view, workspace, invited=False)
            token = tokens.verify(view, made.stdout.strip())
        assert token is not None
        assert (token.user, token.role) == (user.id, "member")
    (line,) = person.headgate("token", "list").stdout.splitlines()
    assert line.split()[1] == "ada@x.org"
    assert person.headgate("token", "create", "x", "--user", "eve@x.org").stderr == (
        "headgate: nobody who has the address 'eve@x.org' was invited\n"
    )
    assert person.headgate("token", "create", "x", "--user", "a@b", "--role", "owner").returncode == 2


def test_a_workspace_is_named_where_there_are_several(person: Person) -> None:
    person.headgate("apply", "--yes")
    person.write("other.toml", '[workspace]\nslug = "other"\n')
    person.headgate("apply", "other.toml", "--yes")

    assert (
        person.headgate("export").stderr
        == "headgate: say which workspace, with --workspace: default, other\n"
    )
    assert person.headgate("token", "list", "--workspace", "no").stderr == (
        "headgate: there is no workspace 'no'; there is: default, other\n"
    )
    assert person.headgate("export", "--workspace", "other").stdout == (
        '[workspace]\nslug = "other"\nname = "other"\n'
    )


def test_the_master_key_changes_and_everything_opens(person: Person) -> None:
    person.headgate("apply", "--yes")
    key = (person.directory / "headgate-data/master.key").read_bytes()

    done = person.headgate("keys", "rotate")

    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr.startswith("sealed the secrets of 2 things with the new key ")
    assert (person.directory / "headgate-data/master.key").read_bytes() != key
    assert person.headgate("apply").stdout == "nothing to change\n"
    (person.directory / "headgate-data/master.key").write_bytes(key)
    assert "not the master key that this registry is sealed with" in person.headgate("apply").stderr


@pytest.mark.parametrize(
    "arguments", [["export"], ["token", "list"], ["token", "create", "x"], ["keys", "rotate"]]
)
def test_where_there_is_no_registry_none_is_made(person: Person, arguments: list[str]) -> None:
    done = person.headgate(*arguments)

    assert done.returncode == 2
    assert done.stderr == (
        "headgate: there is no data directory headgate-data; `headgate serve` or `headgate apply` makes one\n"
    )
    assert not (person.directory / "headgate-data").exists()


def test_the_data_directory_may_come_from_the_environment(person: Person) -> None:
    person.headgate("apply", "--yes", HEADGATE_DATA="elsewhere")

    assert (person.directory / "elsewhere/registry.sqlite").exists()
    assert not (person.directory / "headgate-data").exists()


def test_the_examples_of_the_help_work_as_printed(person: Person) -> None:
    for command in ("apply", "export", "token", "keys"):
        shown = person.headgate(command, "--help").stdout
        assert max(map(len, shown.splitlines())) <= 100
        for line in shown.partition("examples:\n")[2].split("\n\n")[0].splitlines():
            if "revoke" in line:
                name = person.headgate("token", "list").stdout.split()[0]
                line = line.replace(line.split()[-1], name)
            done = subprocess.run(
                ["bash", "-c", line],
                cwd=person.directory,
                env=ENVIRONMENT | SECRETS | {"PATH": f"{HEADGATE.parent}:{os.environ['PATH']}"},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0, (line, done.stderr)


def test_the_manifest_of_the_help_works_as_printed(person: Person) -> None:
    shown = person.headgate("apply", "--help").stdout
    lines = shown[shown.index("  [workspace]") : shown.index("Further keys")].splitlines()
    person.write("headgate.toml", "\n".join(line.removeprefix("  ") for line in lines))

    done = person.headgate("apply", "--yes", WEB_WRITE_KEY="k", WAREHOUSE_SECRET="s")

    assert (done.returncode, done.stderr) == (0, "")
    assert person.headgate("apply", "--prune", WEB_WRITE_KEY="k").stdout == "nothing to change\n"
