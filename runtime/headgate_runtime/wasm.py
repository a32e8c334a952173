"""
Reads and writes the sections of Wasm modules, as far as images need it.

A module is a list of sections. This module parses them (`sections`, `imports`, `exports`, `segments`,
`custom`), makes the changes that the build needs (`take_data`, `rename_import`), and writes the one kind of
module that Headgate creates: a *memory module*, which has one linear memory with its content and no code
(`memory_module`).

It does not validate code, which the engine does. Input that is malformed, or valid but not supported here
(passive segments, computed offsets, several memories), raises `WasmError`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

PAGE_BYTES = 65_536
"""Size of a page of linear memory."""

GAP_BYTES = 128
"""Run of zero bytes from which two segments are smaller, and no slower to load, than one."""

PREAMBLE = b"\0asm\x01\0\0\0"

CUSTOM, IMPORT, MEMORY, EXPORT, START, DATA, DATA_COUNT = 0, 2, 5, 7, 8, 11, 12
"""Section ids."""

FUNCTION_KIND, TABLE_KIND, MEMORY_KIND, GLOBAL_KIND, TAG_KIND = range(5)
"""Kinds of imports and exports."""

_I32_CONST = 0x41
_END = 0x0B


class WasmError(ValueError):
    """The bytes are not a module that is supported here. The message says what is wrong, and where."""


@dataclass(frozen=True, slots=True)
class Section:
    id: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class Import:
    module: str
    name: str
    kind: int
    description: bytes
    """The encoded type."""


@dataclass(frozen=True, slots=True)
class Export:
    name: str
    kind: int
    index: int


@dataclass(frozen=True, slots=True)
class Segment:
    """Content of linear memory, starting at the byte address `offset`."""

    offset: int
    content: bytes

    @property
    def end(self) -> int:
        return self.offset + len(self.content)


class Reader:
    """A byte string with a read position. Reading past the end raises WasmError."""

    def __init__(self, data: bytes, position: int = 0) -> None:
        self.data = data
        self.position = position

    def __bool__(self) -> bool:
        return self.position < len(self.data)

    def take(self, count: int) -> bytes:
        start, self.position = self.position, self.position + count
        if self.position > len(self.data):
            raise WasmError(f"{count} bytes wanted at {start}, {len(self.data) - start} left")
        return self.data[start : self.position]

    def byte(self) -> int:
        position = self.position
        if position >= len(self.data):
            self.take(1)
        self.position = position + 1
        return self.data[position]

    def unsigned(self, bits: int = 32) -> int:
        start = self.position
        value, _ = self._leb128(bits)
        if value >> bits:
            raise WasmError(f"number at {start} is larger than {bits} bits allow")
        return value

    def signed(self, bits: int = 32) -> int:
        start = self.position
        value, length = self._leb128(bits)
        if value >> (length - 1):
            value -= 1 << length
        if not -(1 << (bits - 1)) <= value < 1 << (bits - 1):
            raise WasmError(f"number at {start} is larger than {bits} bits allow")
        return value

    def _leb128(self, bits: int) -> tuple[int, int]:
        """The bits of a number as an unsigned integer, and how many bits were encoded."""
        start, value, shift = self.position, 0, 0
        while True:
            byte = self.byte()
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value, shift
            if shift >= bits:
                raise WasmError(f"number at {start} is longer than {bits} bits allow")

    def name(self) -> str:
        start = self.position
        try:
            return self.take(self.unsigned()).decode()
        except UnicodeDecodeError as error:
            raise WasmError(f"name at {start} is not UTF-8") from error

    def limits(self) -> None:
        flags = self.byte()
        bits = 64 if flags & 4 else 32
        self.unsigned(bits)
        if flags & 1:
            self.unsigned(bits)


def encode_unsigned(value: int) -> bytes:
    """*value*, which must not be negative, in unsigned LEB128."""
    assert value >= 0
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def encode_signed(value: int) -> bytes:
    """*value* in signed LEB128."""
    out = bytearray()
    while not -0x40 <= value < 0x40:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value & 0x7F)
    return bytes(out)


def encode_name(name: str) -> bytes:
    encoded = name.encode()
    return encode_unsigned(len(encoded)) + encoded


def sections(module: bytes) -> list[Section]:
    """The sections of *module* in file order."""
    if module[: len(PREAMBLE)] != PREAMBLE:
        raise WasmError("not a Wasm module of version 1")
    reader = Reader(module, len(PREAMBLE))
    found = []
    while reader:
        section_id = reader.byte()
        found.append(Section(section_id, reader.take(reader.unsigned())))
    return found


def join(parts: Iterable[Section]) -> bytes:
    """The module that consists of *parts*; the inverse of `sections`."""
    out = [PREAMBLE]
    for part in parts:
        out += (bytes([part.id]), encode_unsigned(len(part.payload)), part.payload)
    return b"".join(out)


def imports(module: bytes) -> list[Import]:
    return [entry for part in sections(module) if part.id == IMPORT for entry in _imports(part.payload)]


def _imports(payload: bytes) -> Iterator[Import]:
    reader = Reader(payload)
    for _ in range(reader.unsigned()):
        module, name, kind = reader.name(), reader.name(), reader.byte()
        start = reader.position
        match kind:
            case 0:
                reader.unsigned()
            case 1:
                reader.byte()
                reader.limits()
            case 2:
                reader.limits()
            case 3:
                reader.take(2)
            case 4:
                reader.byte()
                reader.unsigned()
            case _:
                raise WasmError(f"import {module}.{name} is of unknown kind {kind}")
        yield Import(module, name, kind, payload[start : reader.position])
    if reader:
        raise WasmError("bytes left over after the imports")


def exports(module: bytes) -> list[Export]:
    found = []
    for part in sections(module):
        if part.id == EXPORT:
            reader = Reader(part.payload)
            count = reader.unsigned()
            found += [Export(reader.name(), reader.byte(), reader.unsigned()) for _ in range(count)]
            if reader:
                raise WasmError("bytes left over after the exports")
    return found


def custom(module: bytes, name: str) -> bytes | None:
    """Content of the first custom section called *name*, or None."""
    for part in sections(module):
        if part.id == CUSTOM:
            reader = Reader(part.payload)
            if reader.name() == name:
                return part.payload[reader.position :]
    return None


def segments(module: bytes) -> list[Segment]:
    """The active data segments of memory 0, in file order."""
    return [entry for part in sections(module) if part.id == DATA for entry in _segments(part.payload)]


def _segments(payload: bytes) -> Iterator[Segment]:
    reader = Reader(payload)
    for index in range(reader.unsigned()):
        if reader.unsigned() != 0:
            raise WasmError(f"data segment {index} is not an active segment of memory 0")
        if reader.byte() != _I32_CONST:
            raise WasmError(f"the offset of data segment {index} is not a constant")
        offset = reader.signed() & 0xFFFF_FFFF
        if reader.byte() != _END:
            raise WasmError(f"the offset of data segment {index} is computed")
        yield Segment(offset, reader.take(reader.unsigned()))
    if reader:
        raise WasmError("bytes left over after the data")


def memory_pages(module: bytes) -> int:
    """Minimum size in pages of the module's only memory, imported or defined."""
    found = [Reader(entry.description) for entry in imports(module) if entry.kind == MEMORY_KIND]
    for part in sections(module):
        if part.id == MEMORY:
            reader = Reader(part.payload)
            for _ in range(reader.unsigned()):
                found.append(Reader(part.payload, reader.position))
                reader.limits()
    if len(found) != 1:
        raise WasmError(f"{len(found)} memories where one is wanted")
    found[0].byte()
    return found[0].unsigned()


def take_data(module: bytes) -> tuple[bytes, list[Segment]]:
    """
    Separate *module* from its data. Returns the module without data segments, and the segments.

    The data count section is removed as well, so the code must not refer to segments. So is the start
    function: the linker puts only the zeroing of .bss there, which would erase the image that is loaded
    instead.
    """
    taken = segments(module)
    return join(part for part in sections(module) if part.id not in (START, DATA, DATA_COUNT)), taken


def rename_import(module: bytes, old: tuple[str, str], new: tuple[str, str]) -> bytes:
    """*module* with the import *old* (module, name) renamed to *new*. Raises WasmError if it has none."""
    renamed = 0
    parts = []
    for part in sections(module):
        if part.id == IMPORT:
            entries = list(_imports(part.payload))
            out = [encode_unsigned(len(entries))]
            for entry in entries:
                names = (entry.module, entry.name)
                if names == old:
                    names, renamed = new, renamed + 1
                out += (*map(encode_name, names), bytes([entry.kind]), entry.description)
            part = Section(IMPORT, b"".join(out))
        parts.append(part)
    if not renamed:
        raise WasmError(f"the module has no import {'.'.join(old)}")
    return join(parts)


def memory_module(
    content: Iterable[Segment],
    pages: int,
    *,
    export: str = "memory",
    custom_sections: Mapping[str, bytes] | None = None,
) -> bytes:
    """
    A module that exports one memory of at least *pages* pages, filled with *content* and zeros, and that
    begins with *custom_sections*. Equal arguments give equal bytes.
    """
    entries = list(content)
    for entry in entries:
        if entry.end > pages * PAGE_BYTES:
            raise WasmError(f"data up to byte {entry.end} does not fit into {pages} pages")
    data = [encode_unsigned(len(entries))]
    for entry in entries:
        # The constant is a signed i32, so an address in the upper half is encoded as a negative number.
        address = entry.offset - (1 << 32) if entry.offset >> 31 else entry.offset
        data += (
            b"\0\x41",
            encode_signed(address),
            b"\x0b",
            encode_unsigned(len(entry.content)),
            entry.content,
        )
    return join(
        [
            *(Section(CUSTOM, encode_name(name) + text) for name, text in (custom_sections or {}).items()),
            Section(MEMORY, b"\x01\0" + encode_unsigned(pages)),
            Section(EXPORT, b"\x01" + encode_name(export) + bytes([MEMORY_KIND, 0])),
            Section(DATA, b"".join(data)),
        ]
    )


def segments_of(memory: bytes, gap_bytes: int = GAP_BYTES) -> list[Segment]:
    """The non-zero parts of *memory* as segments in ascending order, at least *gap_bytes* apart."""
    gap = bytes(gap_bytes)
    found = []
    start = _skip_zeros(memory, 0)
    while start < len(memory):
        end = memory.find(gap, start)
        if end < 0:
            found.append(Segment(start, memory[start:].rstrip(b"\0")))
            break
        found.append(Segment(start, memory[start:end]))
        start = _skip_zeros(memory, end)
    return found


_ZEROS = (bytes(PAGE_BYTES), bytes(1024))
"""Runs of zeros to compare with, which is many times faster than a search for a non-zero byte."""


def _skip_zeros(memory: bytes, start: int) -> int:
    """Address of the first non-zero byte from *start* on, or the length of *memory*."""
    for run in _ZEROS:
        while memory.startswith(run, start):
            start += len(run)
    rest = memory[start : start + len(_ZEROS[-1])]
    return start + len(rest) - len(rest.lstrip(b"\0"))


def lay_out(content: Iterable[Segment], size: int) -> bytearray:
    """A memory of *size* bytes with *content* in it. Later segments overwrite earlier ones."""
    memory = bytearray(size)
    for entry in content:
        if entry.end > size:
            raise WasmError(f"data up to byte {entry.end} does not fit into {size} bytes")
        memory[entry.offset : entry.end] = entry.content
    return memory
