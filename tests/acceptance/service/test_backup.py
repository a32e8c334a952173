"""A copy of a data directory, made while a server works on it, is one."""

from __future__ import annotations

import resource
import socket
import stat
from pathlib import Path

import pytest

from headgate.cli import main
from tests.acceptance.service.project import Client, Project, Server, event, until

HOOK = """
[[destinations]]
name = "Hook"
source = "web"
kind = "webhook"
url = "http://127.0.0.1:1/"
headers = { Authorization = "Bearer secret" }
"""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    it = Project(tmp_path)
    it.write(
        "mark.js", "function onTrack(e) { if (e.properties.bad) throw new ValidationError('bad'); return e }"
    )
    it.write("headgate.toml", (tmp_path / "headgate.toml").read_text() + HOOK)
    it.apply()
    return it


@pytest.mark.parametrize("rotated", [False, True])
def test_a_server_goes_on_with_the_copy(project: Project, rotated: bool) -> None:
    copy = project.root / "copy"
    with project.serving("--workers", "2") as client:
        client.track(1, bad=True)
        client.track(2)
        until(lambda: len(project.arrived()) == 1)
        until(lambda: sum(client.metrics("headgate_queue_dead").values()) >= 1)
        said = project.command("backup", str(copy))
        if rotated:
            project.command("keys", "rotate")  # the copy has the key that its secrets are sealed with
        assert client.track(3).status_code == 200
    assert said.startswith("headgate: copied queue-0.sqlite, queue-1.sqlite, samples-0.sqlite,")
    assert "master.key" in said
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in copy.iterdir())

    project.data = copy
    assert "message_rejected: ValidationError: bad" in project.command("dead")
    with Server(copy, 0) as server, Client(server) as client:
        assert not any("token" in line for line in server.log)  # the workspace is there, with its owner
        client.track(2)  # known, so dropped
        client.track(4)
        until(lambda: [each["messageId"] for each in project.arrived()] == ["m4"])
    assert "takes secrets from: " in project.command("export")


def test_events_that_wait_are_in_the_copy(project: Project) -> None:
    copy = project.root / "copy"
    flags = ("--allow-private", "--retry-base-ms", "600000")
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        manifest = project.root / "headgate.toml"
        manifest.write_text(manifest.read_text().replace(":1/", f":{nobody.getsockname()[1]}/"))
        project.apply()
        with project.serving(*flags) as client:
            client.batch(*(event(number) for number in range(5)))
            until(lambda: sum(client.metrics("headgate_queue_retrying").values()) == 5)
            project.command("backup", str(copy))
        with Server(copy, 0, *flags) as server, Client(server) as client:
            assert sum(client.metrics("headgate_queue_jobs").values()) == 5


def test_where_there_is_something_nothing_is_written(project: Project) -> None:
    assert project.command("backup", str(project.root), status=2) == (
        f"headgate: {project.root}: is not empty; name another directory\n"
    )
    assert project.command("backup", str(project.root / "mark.js"), status=2).endswith(
        "mark.js: is there already, and is no directory\n"
    )


def test_what_could_not_be_finished_is_taken_away(
    project: Project, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with project.serving() as client:
        client.track(1)
        until(lambda: len(project.arrived()) == 1)
    copy = project.root / "copy"
    command = ["backup", str(copy), "--data", str(project.data)]
    size = (project.data / "registry.sqlite").stat().st_size
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size // 2, hard))  # as a disk that is full
    try:
        assert main(command) == 2
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert "cannot be copied" in capsys.readouterr().err
    assert list(copy.iterdir()) == []

    def killed(*_: object) -> None:
        raise SystemError("no time to clean up")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", killed)
        patch.setattr(Path, "unlink", killed)
        assert main(command) == 2
    left = {path.name for path in copy.iterdir()}
    assert {"queue-0.sqlite.part", "registry.sqlite.part", "master.key.part"} <= left
    assert all(".part" in name for name in left)

    assert main(command) == 0
    assert {"queue-0.sqlite", "registry.sqlite", "master.key"} <= {path.name for path in copy.iterdir()}
    assert not [path.name for path in copy.iterdir() if ".part" in path.name]


def test_without_a_data_directory(project: Project) -> None:
    project.data = project.root / "none"
    assert "there is no data directory" in project.command("backup", str(project.root / "copy"), status=2)
    assert not (project.root / "copy").exists()
