"""Locates the built guest, and caches the engine's machine code between processes."""

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
"""Compiled engines that are cached, 4 MB each, including those of other versions and earlier builds."""


def read(name: str, directory: Path = DIRECTORY) -> bytes:
    """Read the file *name* of the built guest. Raises GuestMissing if it does not exist."""
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
    Digest of the engine, the prelude and the on-demand scripts; images made with others cannot be run. The
    digests of the scripts come from the build's manifest, because hashing them here would read many bytes
    that most processes never use.
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
    The engine as machine code: compiled in seconds the first time, loaded from a cache in milliseconds after
    that.

    wasmtime trusts the compiled file, so it is only cached in a directory that nobody but this user may
    write.
    """
    content = read("engine.wasm", directory)
    cache = _cache_directory()
    if cache is None:
        return engine().compile(content)
    # The key includes the machine, because wasmtime compiles for the processor that it runs on.
    key = hashlib.sha256(content + f"{WASMTIME_VERSION} {platform.machine()} {platform.node()}".encode())
    name = f"engine-{key.hexdigest()[:32]}"
    for path in cache.glob(f"{name}-*.cwasm"):
        # The name ends in a checksum, because wasmtime would run damaged machine code.
        with contextlib.suppress(EngineError, OSError):
            if path.stem == f"{name}-{zlib.crc32(path.read_bytes()):08x}":
                return engine().load(str(path))
        _discard(path)
    module = engine().compile(content)
    machine_code = module.serialize()
    with contextlib.suppress(OSError):  # disk full or no permission: the next process compiles again
        _keep(cache / f"{name}-{zlib.crc32(machine_code):08x}.cwasm", machine_code)
    return module


def _keep(path: Path, content: bytes) -> None:
    """Write *path* atomically, and delete the oldest files beyond KEPT."""
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
    except (OSError, RuntimeError):  # RuntimeError: the user has no home directory
        return None
    if status.st_uid != os.getuid() or status.st_mode & 0o022 or not os.access(path, os.W_OK):
        return None
    return path
