"""Servers that are killed before a certain write to the registry, to the file, as the operating system sees it."""

from __future__ import annotations

import contextlib
import functools
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from guest.build.engine import zig
from guest.build.sources import cache_directory
from guest.build.workshop import Workshop, digest_of

SOURCE: Final = Path(__file__).with_name("dying.c")


@functools.cache
def library() -> Path:
    """To be preloaded; made in the build's cache the first time."""
    shop = Workshop(cache_directory(os.environ) / "dying")

    def make(out: Path) -> None:
        caches = str(shop.cache / "zig")
        env = {"ZIG_GLOBAL_CACHE_DIR": caches, "ZIG_LOCAL_CACHE_DIR": caches}
        shop.run([*zig("cc"), "-shared", "-fPIC", "-O1", SOURCE, "-o", "dying.so"], cwd=out, env=env)

    with shop.exclusive():
        return shop.step("a library that kills", "library", digest_of(SOURCE), make) / "dying.so"


class Death:
    """What a server that is started within `near` waits for."""

    def __init__(self, folder: Path) -> None:
        self._told = folder / "dies"

    @contextlib.contextmanager
    def near(self) -> Iterator[None]:
        """Servers that are started now can be killed with `at`."""
        ours = {"LD_PRELOAD": str(library()), "HEADGATE_DIES": str(self._told)}
        before = {name: os.environ.get(name) for name in ours}
        os.environ |= ours
        try:
            yield
        finally:
            for name, value in before.items():
                if value is None:
                    del os.environ[name]
                else:
                    os.environ[name] = value

    @contextlib.contextmanager
    def at(self, write: int) -> Iterator[None]:
        """The server dies before the write of this number, counted from now on, from 1."""
        beside = self._told.with_suffix(".new")
        beside.write_text(str(write))
        beside.rename(self._told)
        try:
            yield
        finally:
            self._told.unlink()


def copied(data: Path, to: Path) -> Path:
    """A copy of the data directory of a server that has ended. What it listened at stays behind."""
    if to.exists():
        shutil.rmtree(to)
    shutil.copytree(
        data, to, ignore=lambda folder, names: [n for n in names if (Path(folder) / n).is_socket()]
    )
    return to
