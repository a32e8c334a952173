"""
Images: a compiled function as a Wasm module with one memory and its data segments, without code (DESIGN 1).
For most functions the data are an overlay over the base image, a few thousand bytes.

Images are content-addressed: equal source, engine and prelude give equal bytes, and `digest` identifies them.
"""

from __future__ import annotations

import functools
import hashlib
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import orjson

from headgate_runtime import abi, guest, overlay, wasm
from headgate_runtime.baseline import Baseline
from headgate_runtime.errors import ImageError
from headgate_runtime.overlay import Memory, Overlay

if TYPE_CHECKING:
    from collections.abc import Mapping

METADATA_SECTION: Final = "headgate"
_NAME: Final = wasm.encode_name(METADATA_SECTION)


class Image:
    """
    A compiled function.

    module      the bytes of the Wasm module
    digest      sha256 of `module`, in hex
    handlers    names of its handlers in the order of SPEC 2.1; for a deferred image, those found in a trial
                run
    deferred    the top level uses the clock, entropy or the host, so it was not run for the image but runs in
                every fresh sandbox
    engine      digest of the engine and prelude that made it
    source      sha256 of the source text, in hex
    memory_bytes
                linear memory that a sandbox starts with
    """

    def __init__(self, module: bytes) -> None:
        """Raises ImageError when *module* is not an intact image of this ABI version."""
        try:
            parts = wasm.sections(module)
            text = _text(parts)
            metadata = _metadata(text)
            self.memory_bytes: int = wasm.memory_pages(module) * wasm.PAGE_BYTES
        except wasm.WasmError as error:
            raise ImageError(f"not a guest image: {error}") from None
        version = metadata["abi"]
        if version != abi.VERSION:
            raise ImageError(
                f"the image has ABI version {version}, this runtime runs version {abi.VERSION}: build it again"
            )
        if [part.id for part in parts] != _SECTIONS:
            raise ImageError("not a guest image: it holds something else than one memory and its content")
        if metadata.pop("check") != _check(metadata, memoryview(module)[-_tail_bytes(parts) :]) or (
            not 0
            <= metadata["mailbox"]
            <= self.memory_bytes - abi.INPUT_AT - abi.INPUT_INLINE - abi.INPUT_PADDING
        ):
            raise ImageError("the image is damaged: build it again")
        self._module: bytes | None = module
        self._take(metadata)

    @classmethod
    def of_overlay(cls, over: Overlay, pages: int, metadata: Mapping[str, object]) -> Image:
        """An image of the base image with the overlay *over*; its module is made when it is first needed."""
        image = cls.__new__(cls)
        image.memory_bytes = pages * wasm.PAGE_BYTES
        image.overlay = over
        image._module = None  # noqa: SLF001 - its own
        image._take({**metadata, "based": True})  # noqa: SLF001
        return image

    def _take(self, metadata: Mapping[str, Any]) -> None:
        self.metadata = metadata
        self.abi: int = metadata["abi"]
        self.mailbox: int = metadata["mailbox"]
        self.engine: str = metadata["engine"]
        self.handlers: tuple[str, ...] = tuple(metadata["handlers"])
        self.deferred: bool = metadata["deferred"]
        self.source: str = metadata["source"]

    @property
    def module(self) -> bytes:
        if self._module is not None:
            return self._module
        assert self.overlay is not None
        return seal(self.metadata, wasm.memory_module(self.overlay, self.memory_bytes // wasm.PAGE_BYTES))

    @functools.cached_property
    def digest(self) -> str:
        return hashlib.sha256(self.module).hexdigest()

    @property
    def size(self) -> int:
        """Size of the module in bytes."""
        return len(self.module)

    @functools.cached_property
    def overlay(self) -> Overlay | None:
        """
        The image's overlay over the base image; None when it would be too large to be copied into every
        sandbox. Raises ImageError for an image of another engine, or a damaged one.
        """
        self._check_engine()
        if not self.metadata["based"]:
            return None
        segments = self.segments
        if not overlay.fits(segments, self.memory_bytes // wasm.PAGE_BYTES):
            raise ImageError("the image is damaged: build it again")
        return Overlay.of(segments)

    @functools.cached_property
    def compiled(self) -> Memory:
        """The initial memory of its sandboxes. Raises ImageError for an image of another engine."""
        self._check_engine()
        if self.overlay is not None:
            return Memory(overlay.base_module(self.memory_bytes // wasm.PAGE_BYTES), self.overlay)
        return Memory(guest.engine().compile(self.module))

    def _check_engine(self) -> None:
        if self.engine != guest.digest():
            raise ImageError("the image was made by another build of the engine: build it again")

    @property
    def segments(self) -> list[wasm.Segment]:
        """Data segments of the module."""
        return wasm.segments(self.module)

    @functools.cached_property
    def baseline(self) -> Baseline:
        """The memory of a new sandbox, without the overlay: what its pages are rewound to."""
        if self.overlay is not None:
            return overlay.base_baseline(self.memory_bytes // wasm.PAGE_BYTES)
        return Baseline(self.segments)

    def save(self, path: str | Path) -> None:
        Path(path).write_bytes(self.module)

    @classmethod
    def load(cls, path: str | Path) -> Image:
        """Read an image from a file. Raises OSError, or ImageError when the file is not an image."""
        return cls(Path(path).read_bytes())

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Image):
            return False
        if (self.memory_bytes, self.metadata) != (other.memory_bytes, other.metadata):
            return False
        if self._module is None and other._module is None:
            return self.overlay == other.overlay
        return self.module == other.module

    def __hash__(self) -> int:
        return hash((self.engine, self.source))

    def __repr__(self) -> str:
        return f"<Image {self.digest[:12]} {', '.join(self.handlers) or 'no handlers'}>"


_SECTIONS: Final = [wasm.CUSTOM, wasm.MEMORY, wasm.EXPORT, wasm.DATA]

_FIELDS: Final[Mapping[str, type]] = {
    "abi": int,
    "based": bool,
    "check": int,
    "deferred": bool,
    "engine": str,
    "handlers": list,
    "mailbox": int,
    "source": str,
}


def _text(parts: list[wasm.Section]) -> bytes:
    """Content of the metadata section, which must be the first of the module."""
    if parts and parts[0].id == wasm.CUSTOM and parts[0].payload.startswith(_NAME):
        return parts[0].payload[len(_NAME) :]
    raise wasm.WasmError(f"it has no `{METADATA_SECTION}` section")


def _metadata(text: bytes) -> dict[str, Any]:
    try:
        metadata = orjson.loads(text)
    except orjson.JSONDecodeError:
        metadata = None
    if (
        not isinstance(metadata, dict)
        or any(type(metadata.get(name)) is not kind for name, kind in _FIELDS.items())
        or any(type(name) is not str for name in metadata["handlers"])
    ):
        raise wasm.WasmError(f"its `{METADATA_SECTION}` section is damaged")
    return metadata


def _tail_bytes(parts: list[wasm.Section]) -> int:
    """Size of all sections but the first, with lengths in canonical encoding, as written here."""
    return sum(1 + len(wasm.encode_unsigned(len(part.payload))) + len(part.payload) for part in parts[1:])


def _check(metadata: Mapping[str, object], tail: bytes | memoryview) -> int:
    """Checksum against accidental damage. The protection against malicious images is the sandbox."""
    return zlib.crc32(tail, zlib.crc32(orjson.dumps(metadata, option=orjson.OPT_SORT_KEYS)))


def make(memory: bytes, pages: int, metadata: Mapping[str, object]) -> bytes:
    """
    The module for an image with its whole *memory* and at least *pages* pages. *metadata* has all fields but
    "based" and "check".
    """
    return seal({**metadata, "based": False}, wasm.memory_module(wasm.segments_of(memory), pages))


def seal(metadata: Mapping[str, object], module: bytes) -> bytes:
    """*module* with *metadata* and the checksum of both as its first section."""
    tail = module[len(wasm.PREAMBLE) :]
    text = orjson.dumps({**metadata, "check": _check(metadata, tail)}, option=orjson.OPT_SORT_KEYS)
    return wasm.join([wasm.Section(wasm.CUSTOM, _NAME + text)]) + tail
