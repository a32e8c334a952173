"""Files of the queue that were damaged while no server ran: by a torn write, or by a disk that lost its mind."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.acceptance.command import headgate
from tests.acceptance.faults.sending import send
from tests.acceptance.faults.served import Served, apply
from tests.acceptance.faults.waiting import Waiter
from tests.acceptance.faults.webhook import WebhookReceiver, hang

EVENTS = 40

MANIFEST = """
[workspace]
slug = "default"

[[sources]]
slug = "shop"
write_keys = ["shop"]

[[destinations]]
name = "hook"
source = "shop"
kind = "webhook"
url = "{url}"
concurrency = 1
timeout_ms = 60000
"""

WAL_HEADER = 32
FRAME_HEADER = 24


class Scene(NamedTuple):
    """*accepted* in this order, one commit after the other, before the server was killed; nothing was delivered."""

    folder: Path
    data: Path
    accepted: list[str]


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Scene, WebhookReceiver, Waiter]]:
    folder = tmp_path_factory.mktemp("damage")
    waiter = Waiter()
    with WebhookReceiver(waiter, hang) as hook:
        data = folder / "data"
        apply(folder, MANIFEST.format(url=hook.url), data)
        with contextlib.closing(Served(data, waiter)) as served:
            served.start()
            accepted = [f"m{number}" for number in range(EVENTS)]
            for each in accepted:
                assert send(served.url, "shop", [each], padding="x" * 3_000) == 200
            served.kill()
        yield Scene(folder, data, accepted), hook, waiter


@pytest.fixture
def scene(killed: tuple[Scene, WebhookReceiver, Waiter], tmp_path: Path) -> Scene:
    """A copy, to be damaged."""
    original = killed[0]
    shutil.copytree(original.data, tmp_path / "data", ignore=shutil.ignore_patterns("*.sock"))
    return original._replace(folder=tmp_path, data=tmp_path / "data")


def log_of(scene: Scene) -> Path:
    return scene.data / "queue-0.sqlite-wal"


def commits(log: Path) -> list[int]:
    """Where in the log of a database each commit ends (SQLite's file format, 4.1)."""
    text = log.read_bytes()
    (size,) = struct.unpack(">I", text[8:12])
    ends = []
    for start in range(WAL_HEADER, len(text) - FRAME_HEADER - size + 1, FRAME_HEADER + size):
        pages, salt = struct.unpack(">I8s", text[start + 4 : start + 16])
        if text[16:24] != salt:
            break
        if pages:
            ends.append(start + FRAME_HEADER + size)
    return ends


def cut(log: Path, end: int) -> None:
    """A torn write: the rest never reached the disk."""
    os.truncate(log, end - random.randrange(1, 2_000))


def scramble(log: Path, end: int) -> None:
    """The last commit's own bytes are not what was written."""
    with log.open("r+b") as file:
        file.seek(end - 1_000)
        file.write(random.randbytes(1_000))


def zero(log: Path, end: int) -> None:
    """The file is as long as it was to be, but its last page was never written."""
    with log.open("r+b") as file:
        file.seek(end - 4_096)
        file.write(bytes(4_096))


def append(log: Path, end: int) -> None:
    """Rubbish after the last commit."""
    os.truncate(log, end)
    with log.open("ab") as file:
        file.write(random.randbytes(10_000))


@pytest.mark.parametrize(("damage", "lost"), [(cut, 1), (scramble, 1), (zero, 1), (append, 0)])
def test_of_a_damaged_log_every_whole_commit_counts(
    scene: Scene,
    killed: tuple[Scene, WebhookReceiver, Waiter],
    damage: Callable[[Path, int], None],
    lost: int,
) -> None:
    _, hook, waiter = killed
    ends = commits(log_of(scene))
    assert len(ends) > EVENTS
    # Commits after the last event's are of outcomes and of the clock, if there are any: all of them hold one or more.
    damage(log_of(scene), ends[-1])
    with contextlib.closing(Served(scene.data, waiter)) as served:
        answered = hook.answer_with_ok()
        served.start()

        waiter.until(lambda: served.jobs() == 0, "what is there arrives")

        assert send(served.url, "shop", ["after"]) == 200
        waiter.until(lambda: "after" in answered, "it goes on")
        assert served.stop() == 0
    kept = [each for each in scene.accepted if each in answered]
    assert kept == scene.accepted[: len(kept)]
    assert len(kept) >= EVENTS - lost


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize(
    ("offset", "says"), [(0, "beginning is damaged"), (100, "damaged"), (4_096, "damaged")]
)
def test_a_damaged_file_is_refused_by_its_name(scene: Scene, workers: int, offset: int, says: str) -> None:
    path = scene.data / "queue-0.sqlite"
    with contextlib.closing(Served(scene.data, Waiter())) as served:  # what is in the log goes to the file
        served.start()
        assert served.stop() == 0
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(b"\xff" * 2_000)
    before = path.read_bytes()

    done = headgate("serve", "--data", scene.data, "--port", "0", "--workers", str(workers), cwd=scene.folder)

    assert done.returncode == 2
    assert str(path) in done.stderr
    assert says in done.stderr
    assert path.read_bytes() == before, "it is evidence"
