"""A commit that was whole on the disk when its process was killed, but that nobody had been told of."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import sys
from pathlib import Path

from headgate.queue.clock import ServiceClock
from headgate.queue.sqlite import SqliteQueue
from tests.headgate.queue.events import event, ids, poll
from tests.headgate.queue.sqlite_storage import NO_RESERVE, SqliteStorage

ROOT = Path(__file__).resolve().parents[3]

# The index of the log is written last: with the one of before, the last commit is as it is in the midst of its fsync.
DIES = """
import asyncio, shutil, sys
from pathlib import Path
from tests.headgate.queue.events import event
from tests.headgate.queue.sqlite_storage import SqliteStorage

async def main(path):
    queue = await SqliteStorage(path).open()
    await queue.put([event("first")])
    shutil.copy(f"{path}-shm", f"{path}-before")
    await queue.put([event("hidden")])
    print("put", flush=True)
    sys.stdin.read()

asyncio.run(main(Path(sys.argv[1])))
"""


def start(path: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", DIES, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT
    )


def hide(path: Path) -> None:
    """In storage, as the process would have gone on to write it."""
    with Path(f"{path}-before").open("rb") as before, Path(f"{path}-shm").open("r+b") as index:
        shutil.copyfileobj(before, index)


def test_it_counts_for_siblings_as_soon_as_they_know(storage: SqliteStorage, tmp_path: Path) -> None:
    other = tmp_path / "other.sqlite"

    async def main() -> None:
        queue = await SqliteQueue.open(
            storage.path, clock=ServiceClock(storage.clock), limits=NO_RESERVE, siblings=[other]
        )
        with start(other) as process:
            assert process.stdout is not None
            assert await asyncio.to_thread(process.stdout.readline) == b"put\n"
            assert await queue.put([event("first")]) == [False], "it has the file open"
            process.kill()
        hide(other)

        await queue.sibling_ended()

        assert await queue.put([event("hidden"), event("new")]) == [False, True]
        await queue.close()
        back = await SqliteStorage(other).open()
        assert ids(await poll(back)) == ["first", "hidden"]
        await back.close()

    asyncio.run(asyncio.wait_for(main(), 60))
