"""File systems of the test's own, which may be filled, cut off and made read-only. For root on Linux."""

from __future__ import annotations

import contextlib
import fcntl
import functools
import os
import resource
import shutil
import struct
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

_IOC_SHUTDOWN = 2 << 30 | 4 << 16 | ord("X") << 8 | 125
"""EXT4_IOC_SHUTDOWN of linux/ext4.h."""

_NOLOGFLUSH = 2


@contextlib.contextmanager
def files_limited_to(size: int) -> Iterator[None]:
    """No file of this process grows beyond *size*: writing there fails, as on a disk with errors."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@contextlib.contextmanager
def mounted(*what: str, at: Path) -> Iterator[None]:
    """`mount` with these arguments, for a while. *at* may be mounted anew inside."""
    at.mkdir(exist_ok=True)
    subprocess.run(["mount", *what, at], check=True, capture_output=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", at], check=True, capture_output=True)


@functools.cache
def why_not() -> str | None:
    """Why this process cannot have file systems of its own; None when it can."""
    for tool in ("mount", "umount", "mkfs.ext4"):
        if shutil.which(tool) is None:
            return f"there is no {tool}"
    if os.geteuid() != 0:
        return "only root may mount"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        try:
            make_ext4(folder / "image", 8 << 20)
            with mounted("-o", "loop", str(folder / "image"), at=folder / "volume"):
                power_cut(folder / "volume")
        except (subprocess.CalledProcessError, OSError) as error:
            return f"no loop mounts here: {getattr(error, 'stderr', None) or error}"
    return None


def succeeds(*command: str | Path) -> bool:
    """Whether this could be done."""
    return subprocess.run(command, check=False, capture_output=True).returncode == 0


def make_ext4(image: Path, size: int) -> None:
    with image.open("wb") as file:
        file.truncate(size)
    subprocess.run(["mkfs.ext4", "-q", "-F", image], check=True, capture_output=True)


def power_cut(folder: Path) -> None:
    """From now on nothing reaches the disk under *folder*, not even the journal: what was not synced is gone."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.ioctl(descriptor, _IOC_SHUTDOWN, struct.pack("I", _NOLOGFLUSH))
    finally:
        os.close(descriptor)
