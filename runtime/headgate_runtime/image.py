"""
A user's function as a Wasm module: one memory with data segments, no code (DESIGN 1).

Images are content-addressed: equal source, engine and prelude give equal bytes, and `digest` names them.
"""

from __future__ import annotations

import functools
import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import orjson

from headgate_runtime import abi, guest, wasm
from headgate_runtime.errors import ImageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from headgate_runtime._wasmtime import Module

METADATA_SECTION: Final = "headgate"


class Image:
    """
    A compiled function.

    module      the bytes of the Wasm module
    digest      sha256 of `module`, in hex
    handlers    names of the handlers found, in the order of SPEC 2.1; for a deferred image, as found in a trial run
    deferred    the top level reads clock, entropy or host, so it runs in every fresh sandbox, not in the image
    engine      digest of the engine and prelude that made it
    source      sha256 of the source text, in hex
    """

    def __init__(self, module: bytes) -> None:
        """Raises ImageError when *module* is no image of this ABI version and engine."""
        self.module = module
        try:
            text = wasm.custom(module, METADATA_SECTION)
        except wasm.WasmError as error:
            raise ImageError(f"not a guest image: {error}") from None
        if text is None:
            raise ImageError("not a guest image: it has no `headgate` section")
        metadata = _metadata(text)
        self.abi: int = metadata["abi"]
        if self.abi != abi.VERSION:
            raise ImageError(
                f"the image has ABI version {self.abi}, this runtime runs version {abi.VERSION}: build it again"
            )
        self.engine: str = metadata["engine"]
        self.handlers: tuple[str, ...] = tuple(metadata["handlers"])
        self.deferred: bool = metadata["deferred"]
        self.source: str = metadata["source"]
        self.mailbox: int = metadata["mailbox"]

    @functools.cached_property
    def digest(self) -> str:
        return hashlib.sha256(self.module).hexdigest()

    @property
    def size(self) -> int:
        """Bytes of the module."""
        return len(self.module)

    @functools.cached_property
    def memory_bytes(self) -> int:
        """Linear memory a sandbox starts with."""
        return wasm.memory_pages(self.module) * wasm.PAGE_BYTES

    @functools.cached_property
    def compiled(self) -> Module:
        """For instantiation; a millisecond, since an image holds no code. ImageError when made by another engine."""
        if self.engine != guest.digest():
            raise ImageError("the image was made by another build of the engine: build it again")
        return guest.engine().compile(self.module)

    @functools.cached_property
    def segments(self) -> list[wasm.Segment]:
        return wasm.segments(self.module)

    def save(self, path: str | Path) -> None:
        Path(path).write_bytes(self.module)

    @classmethod
    def load(cls, path: str | Path) -> Image:
        """Raises OSError, or ImageError for a file that is no image."""
        return cls(Path(path).read_bytes())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Image) and other.module == self.module

    def __hash__(self) -> int:
        return hash(self.digest)

    def __repr__(self) -> str:
        return f"<Image {self.digest[:12]} {', '.join(self.handlers) or 'no handlers'}>"


_FIELDS: Final[Mapping[str, type]] = {
    "abi": int,
    "engine": str,
    "handlers": list,
    "deferred": bool,
    "source": str,
    "mailbox": int,
}


def _metadata(text: bytes) -> dict[str, Any]:
    try:
        metadata = orjson.loads(text)
    except orjson.JSONDecodeError:
        metadata = None
    if not isinstance(metadata, dict) or any(
        not isinstance(metadata.get(name), kind) for name, kind in _FIELDS.items()
    ):
        raise ImageError("not a guest image: its `headgate` section is damaged")
    return metadata


def make(memory: bytes, pages: int, metadata: Mapping[str, object]) -> bytes:
    """The module for *memory*, with at least *pages* pages."""
    section = orjson.dumps(dict(metadata), option=orjson.OPT_SORT_KEYS)
    return wasm.memory_module(wasm.segments_of(memory), pages, custom_sections={METADATA_SECTION: section})
