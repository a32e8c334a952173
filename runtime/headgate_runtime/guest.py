"""Where the built guest lies, and the engine in machine code, kept between processes."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import platform
import tempfile
import zlib
from pathlib import Path
from typing import Final

import orjson

from headgate_runtime._wasmtime import WASMTIME_VERSION, Engine, EngineError, Module
from headgate_runtime.errors import GuestMissing
from headgate_runtime.limits import (
    FIBER_BYTES,
    MEMORY_BYTES_MAX,
    NATIVE_STACK_BYTES,
    SANDBOXES,
    SANDBOXES_COMPILING,
)

DIRECTORY: Final = Path(__file__).parent / "_guest"
"""Build output (make build): engine.wasm, boot.wasm, base.wasm, libraries/, parts/, types/, manifest.json."""

CACHE_VARIABLE: Final = "HEADGATE_CACHE"

KEPT: Final = 8
"""Engines kept as machine code, 4 MB each: those of other versions, and of builds gone by."""


def read(name: str, directory: Path = DIRECTORY) -> bytes:
    """Raises GuestMissing when the guest was never built."""
    try:
        return (directory / name).read_bytes()
    except FileNotFoundError:
        raise GuestMissing(f"{name} is missing: the guest is not built; run `make build`") from None


@functools.cache
def engine() -> Engine:
    """The one wasmtime engine of this process."""
    return Engine(
        stack_bytes=NATIVE_STACK_BYTES,
        fiber_bytes=FIBER_BYTES,
        sandboxes=SANDBOXES + SANDBOXES_COMPILING,
        memory_bytes=MEMORY_BYTES_MAX,
    )


@functools.cache
def digest(directory: Path = DIRECTORY) -> str:
    """
    Names the engine, its prelude and what loads on demand: images made with others are not ours to run. The libraries'
    own digests are the build's, from its manifest: they are many bytes, and most processes need few of them.
    """
    content = hashlib.sha256()
    for name in ("engine.wasm", "base.wasm"):
        content.update(hashlib.sha256(read(name, directory)).digest())
    files = orjson.loads(read("manifest.json", directory))["files"]
    for name in sorted(files):
        if name.endswith((".bytecode", "/index.json")):
            content.update(f"{name} {files[name]}\n".encode())
    return content.hexdigest()


@functools.cache
def code(directory: Path = DIRECTORY) -> Module:
    """
    The engine compiled to machine code: seconds the first time, milliseconds after.

    The compiled file is trusted, so it is kept in a directory that only this user may write, or not at all.
    """
    content = read("engine.wasm", directory)
    cache = _cache_directory()
    if cache is None:
        return engine().compile(content)
    # The machine is part of the name: wasmtime compiles for the very processor it runs on.
    key = hashlib.sha256(content + f"{WASMTIME_VERSION} {platform.machine()} {platform.node()}".encode())
    name = f"engine-{key.hexdigest()[:32]}"
    for path in cache.glob(f"{name}-*.cwasm"):
        # The name ends in a check of the content: wasmtime would run damaged machine code.
        with contextlib.suppress(EngineError, OSError):
            if path.stem == f"{name}-{zlib.crc32(path.read_bytes()):08x}":
                return engine().load(str(path))
        _discard(path)
    module = engine().compile(content)
    machine_code = module.serialize()
    with contextlib.suppress(OSError):  # no room, or no right: then the next process compiles, too
        _keep(cache / f"{name}-{zlib.crc32(machine_code):08x}.cwasm", machine_code)
    return module


def _keep(path: Path, content: bytes) -> None:
    """Writes *path* whole or not at all, and lets go of what was kept longest ago."""
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix="engine-", suffix=".part", delete=False) as file:
        try:
            file.write(content)
            file.close()
            Path(file.name).replace(path)
        except OSError:
            _discard(Path(file.name))
            raise
    by_age = sorted(path.parent.glob("engine-*"), key=lambda kept: kept.stat().st_mtime, reverse=True)
    for old in by_age[KEPT:]:
        _discard(old)


def _discard(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink()


def _cache_directory() -> Path | None:
    try:
        base = os.environ.get(CACHE_VARIABLE) or os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
        path = Path(base) / "headgate"
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = path.stat()
    except (OSError, RuntimeError):  # RuntimeError: a user without a home
        return None
    if status.st_uid != os.getuid() or status.st_mode & 0o022 or not os.access(path, os.W_OK):
        return None
    return path
