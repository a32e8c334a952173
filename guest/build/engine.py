"""The engine: compiles C (and Zig) to one Wasm module and splits it into code and the memory it starts from."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from guest.build import meter
from guest.build.workshop import BuildError
from headgate_runtime import wasm
from headgate_runtime.limits import SLICE_FUEL

if TYPE_CHECKING:
    from pathlib import Path

    from guest.build.workshop import Workshop

TARGET = ("-target", "wasm32-wasi")

CPU_FEATURES = ("mutable_globals", "nontrapping_fptoint", "sign_ext", "simd128")
"""Beyond the first version of Wasm. Not bulk memory: see guest/engine/memory.c."""

STACK_BYTES = 1 << 20
"""The C stack. Zig lays it at the bottom of memory, so that running over it traps instead of overwriting data."""

COMPILE = (
    "-std=gnu11",
    "-O3",
    "-DNDEBUG",
    "-D_GNU_SOURCE",
    "-D_WASI_EMULATED_SIGNAL",
    "-DQUICKJS_NG_BUILD",
    "-fno-sanitize=undefined",
    "-fwrapv",
    "-funsigned-char",
)

LINK = (
    "-mexec-model=reactor",
    "-Wl,--import-memory",
    "-Wl,--strip-all",
    f"-Wl,-z,stack-size={STACK_BYTES}",
    "-lm",
    "-lc++",
)

UPSTREAM_UNITS = ("dtoa.c", "libregexp.c", "libunicode.c")
"""Sources compiled beside engine.c, which includes quickjs.c itself."""

UPSTREAM_CXX_UNITS = ("ada.cpp",)
"""C++ sources, each an object of its own; engine.c reaches them by their C interfaces only."""

COMPILE_CXX = (
    "-std=c++20",
    "-O2",
    "-DNDEBUG",
    "-DADA_INCLUDE_URL_PATTERN=0",
    # Exhausted memory ends in a trap. No unwinding, no type names in the data of every image.
    "-fno-exceptions",
    "-fno-rtti",
    "-fno-sanitize=undefined",
)

HOST = "headgate"
"""The only Wasm module that the engine may import from."""

PAUSE, FUEL, TURNS = "pause", "fuel", "turns"
"""The import by which the engine asks for more fuel, its counter, and how often it may set that anew itself."""

ENTRIES, RECALL = ("invoke", "row"), "recall"
"""The exports that the host enters with fuel in hand, and the one that brings back to the processor's caches what they want."""

ENGINE = "engine.wasm"


def link_engine(shop: Workshop, source: Path, upstream: Path, out: Path) -> None:
    """Compiles *source* (engine.c, *.zig, exports.txt) with *upstream*'s C sources to *out*/linked.wasm."""
    if not (source / "engine.c").is_file():
        raise BuildError(f"{source} holds no engine.c")
    caches = shop.cache / "zig"
    env = {"ZIG_GLOBAL_CACHE_DIR": str(caches), "ZIG_LOCAL_CACHE_DIR": str(caches)}
    machine = (*TARGET, "-mcpu=mvp+" + "+".join(CPU_FEATURES))
    # Whatever the compiler remembers of a path must not depend on where the checkout lies.
    maps = (f"-ffile-prefix-map={upstream}=upstream", f"-ffile-prefix-map={source}=engine")
    include = ("-I", upstream, "-I", source)
    objects: list[str] = []
    compilations: list[list[str | Path]] = []
    for unit in (source / "engine.c", *(upstream / name for name in UPSTREAM_UNITS)):
        objects.append(f"{unit.name}.o")
        compilations.append([*zig("cc"), *machine, *COMPILE, *maps, *include, "-c", unit, "-o", objects[-1]])
    for unit in (upstream / name for name in UPSTREAM_CXX_UNITS):
        objects.append(f"{unit.name}.o")
        compilations.append([*zig("c++"), *machine, *COMPILE_CXX, *maps, "-c", unit, "-o", objects[-1]])
    for unit in sorted(source.glob("*.zig")):
        objects.append(f"{unit.name}.o")
        output = f"-femit-bin={objects[-1]}"
        compilations.append([*zig("build-obj"), unit, *machine, "-OReleaseFast", "-fstrip", output])
    shop.run(*compilations, cwd=out, env=env)
    exported = (f"-Wl,--export={name}" for name in exports_of(source / "exports.txt"))
    # engine.c last: its variables then lie next to the heap.
    shop.run(
        [*zig("cc"), *machine, *reversed(objects), *LINK, *exported, "-o", "linked.wasm"], cwd=out, env=env
    )
    for leftover in objects:
        (out / leftover).unlink()


def zig(command: str) -> list[str]:
    return [sys.executable, "-m", "ziglang", command]


def exports_of(listing: Path) -> list[str]:
    """The names in exports.txt, one a line; `#` opens a comment."""
    lines = (line.partition("#")[0].strip() for line in listing.read_text().splitlines())
    return [line for line in lines if line]


def split_engine(linked: Path, out: Path) -> None:
    """Writes *out*/engine.wasm, *linked*'s code without data, and *out*/boot.wasm, the memory it expects to find."""
    whole = linked.read_bytes()
    try:
        code, data = wasm.take_data(wasm.rename_import(whole, ("env", "memory"), (HOST, "memory")))
        pages = wasm.memory_pages(code)
        content = wasm.segments_of(bytes(wasm.lay_out(data, pages * wasm.PAGE_BYTES)))
    except wasm.WasmError as error:
        raise BuildError(f"the linked engine cannot be split: {error}") from error
    strangers = sorted(f"{entry.module}.{entry.name}" for entry in wasm.imports(code) if entry.module != HOST)
    if strangers:
        raise BuildError(
            f"the engine imports {', '.join(strangers)}, but may import from {HOST} only:{os.linesep}"
            "define what libc wants in guest/engine, or stop using it"
        )
    (out / ENGINE).write_bytes(code)
    (out / "boot.wasm").write_bytes(wasm.memory_module(content, pages))


def make_engine(linked: Path, out: Path) -> None:
    """As `split_engine`, with code that counts its fuel."""
    split_engine(linked, out)
    try:
        metered = meter.meter(
            (out / ENGINE).read_bytes(), HOST, PAUSE, FUEL, TURNS, SLICE_FUEL, ENTRIES, RECALL
        )
    except wasm.WasmError as error:
        raise BuildError(f"the engine cannot be metered: {error}") from error
    (out / ENGINE).write_bytes(metered)
