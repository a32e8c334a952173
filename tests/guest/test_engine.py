"""The built engine, held golden: what it imports and exports, its size and fuel, and the one contract in three languages."""

from __future__ import annotations

import enum
import os
import re
import struct
import subprocess
import sys
from pathlib import Path

import orjson
import pytest
import wasmtime

from guest.build import meter
from headgate_runtime import Image, ImageError, abi, guest, wasm
from headgate_runtime.compile_error import CompileError
from headgate_runtime.compiler import compile as compile_function
from headgate_runtime.image import METADATA_SECTION, seal
from headgate_runtime.sandbox import Result
from tests.guest import golden

ROOT = Path(__file__).resolve().parents[2]

ENGINE = ROOT / "guest" / "engine"

SECTIONS = {"custom": 0, "import": 2, "function": 3, "start": 8, "code": 10, "data": 11, "data count": 12}

FUNCTIONS = {
    "settings": "(i32, i32) -> i32",
    "fetch": "(i32, i32, i32, i32, i32) -> i32",
    "cache": "(i32, i32, i32) -> i32",
    "library": "(i32, i32, i32, i32) -> i32",
    "keys": "(i32, i32, i32, i32, i32, i32) -> i32",
    "pause": "(i64) -> i64",
}
"""All that a guest can ask of its host."""

ENTRY_POINTS = {
    "_initialize": "() -> ",
    "abi": "() -> i32",
    "boot": "() -> i32",
    "configure": "() -> i32",
    "drain": "() -> i32",
    "invoke": "() -> i32",
    "library": "() -> i32",
    "load": "() -> i32",
    "mailbox": "() -> i32",
    "prelude": "() -> i32",
    "recall": "() -> i32",
    "reserve": "(i32) -> i32",
    "resume": "() -> i32",
    "row": "() -> i32",
    "script": "() -> i32",
    "seal": "() -> i32",
    "touch": "() -> i32",
}
"""All that a host can call."""

METERED = dict.fromkeys(("invoke_with", "row_with"), "(i64, i64, i64) -> i64")
"""The build adds these: entry points that are given their fuel."""

COUNTERS = ("fuel", "turns")
"""Of the engine's work, and of how often it may set the first anew: the exports that are no functions."""


def signature(kind: object) -> str:
    assert isinstance(kind, wasmtime.FuncType), kind
    return f"({', '.join(map(str, kind.params))}) -> {', '.join(map(str, kind.results))}"


def section_ids(name: str) -> set[int]:
    return {section.id for section in wasm.sections(guest.read(name))}


@pytest.fixture(scope="module")
def module() -> wasmtime.Module:
    return wasmtime.Module(wasmtime.Engine(), guest.read("engine.wasm"))


class TestShape:
    def test_imports(self, module: wasmtime.Module) -> None:
        imports = {(entry.module, entry.name): entry.type for entry in module.imports}
        memory = imports.pop((abi.IMPORT_MODULE, "memory"))

        assert isinstance(memory, wasmtime.MemoryType)
        assert not memory.is_64
        assert {name: signature(kind) for (_, name), kind in imports.items()} == FUNCTIONS
        assert {where for where, _ in imports} == {abi.IMPORT_MODULE}
        assert len(module.imports) == len(FUNCTIONS) + 1

    def test_exports(self, module: wasmtime.Module) -> None:
        exports = {entry.name: entry.type for entry in module.exports}
        for name in COUNTERS:
            counter = exports.pop(name)
            assert isinstance(counter, wasmtime.GlobalType)
            assert (str(counter.content), counter.mutable) == ("i64", True)

        assert {name: signature(kind) for name, kind in exports.items()} == ENTRY_POINTS | METERED

    def test_there_is_no_wasi(self) -> None:
        content = guest.read("engine.wasm")

        assert b"wasi" not in b"".join(
            section.payload for section in wasm.sections(content) if section.id == 2
        )

    def test_the_engine_is_code_and_nothing_else(self) -> None:
        ids = section_ids("engine.wasm")

        assert SECTIONS["code"] in ids
        assert not ids & {SECTIONS[name] for name in ("start", "data", "data count")}
        # The one custom section tells the compiler which branches are unlikely.
        assert [part.id for part in wasm.sections(guest.read("engine.wasm"))].count(SECTIONS["custom"]) == 1
        assert wasm.custom(guest.read("engine.wasm"), meter.HINTS)

    @pytest.mark.parametrize("name", ["boot.wasm", "base.wasm"])
    def test_an_image_is_memory_and_nothing_else(self, name: str) -> None:
        content = guest.read(name)

        assert not section_ids(name) & {SECTIONS[part] for part in ("import", "function", "start", "code")}
        assert [entry.name for entry in wasm.exports(content)] == ["memory"]
        assert wasm.segments(content)

    def test_a_function_adds_its_metadata_only(self) -> None:
        image = compile_function("function onTrack(event) { return event }")
        assert isinstance(image, Image)

        ids = [section.id for section in wasm.sections(image.module)]
        assert ids.count(SECTIONS["custom"]) == 1
        assert set(ids) - section_ids("base.wasm") == {SECTIONS["custom"]}


class TestGolden:
    def test_numbers(self) -> None:
        kept = golden.load()
        exact = kept["guest"] == guest.digest()

        assert golden.differences(kept, golden.measure(), exact=exact) == [], (
            "look at what changed; if it is meant: python -m tests.guest.golden --update"
        )

    def test_every_number_has_a_reason(self) -> None:
        kept = golden.load()
        entries = {**kept["sizes"], **kept["fuel"]}

        assert {name for name, entry in entries.items() if len(entry["why"]) < 20} == set()

    def test_fuel_is_exact(self) -> None:
        assert golden.fuel("new object") == golden.fuel("new object")

    def test_a_difference_is_told(self) -> None:
        kept = {"sizes": {"a": {"number": 100}, "gone": {"number": 1}}}

        assert golden.differences(kept, {"sizes": {"a": 104, "gone": 1}}, exact=False) == []
        assert golden.differences(kept, {"sizes": {"a": 104, "new": 2}}, exact=True) == [
            "sizes: a: 100 -> 104 (+4.0%)",
            "sizes: gone: 1 -> None",
            "sizes: new: None -> 2",
        ]


def source(name: str) -> str:
    return (ENGINE / name).read_text(encoding="utf-8")


def enumerators(text: str, prefix: str) -> dict[str, int]:
    """Names that begin with *prefix*, without it, of all enums in C *text*."""
    found = {}
    for body in re.findall(
        r"enum\s*\w*\s*\{(.*?)\}", re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL), re.DOTALL
    ):
        number = 0
        for name, value in re.findall(r"(\w+)\s*(?:=\s*(\d+))?\s*(?:,|$)", body.strip()):
            number = int(value) if value else number
            if name.startswith(prefix):
                found[name.removeprefix(prefix)] = number
            number += 1
    return found


def members(kind: type[enum.IntEnum | enum.IntFlag]) -> dict[str, int]:
    return {name: int(member) for name, member in kind.__members__.items()}


BYTES = {"double": 8, "uint64_t": 8, "uint32_t": 4, "uint8_t": 1}


def mailbox() -> dict[str, int]:
    """Offset of every field of the C struct, by C's own rules."""
    header = source("mailbox.h")
    inline = int(re.findall(r"#define HG_INPUT_INLINE (\d+)", header)[0])
    body = re.findall(r"typedef struct Mailbox \{(.*?)\} Mailbox;", header, re.DOTALL)[0]
    offsets, at = {}, 0
    for kind, name, count in re.findall(r"^ +(\w+) (\w+)(?:\[(\w+)\])?;", body, re.MULTILINE):
        size = BYTES[kind]
        at += -at % size
        offsets[name] = at
        at += size * (inline if count == "HG_INPUT_INLINE" else int(count or 1))
    return offsets


class TestContract:
    """guest/engine/*.{h,c}, headgate_runtime/abi.py and guest/ABI.md say the same."""

    def test_offsets_in_the_headers_comments(self) -> None:
        told = dict(re.findall(r"(\w+)(?:\[\w+\])?; +/\* +(\d+)", source("mailbox.h")))

        assert len(told) > 25
        assert {name: int(offset) for name, offset in told.items()} == {
            name: mailbox()[name] for name in told
        }
        assert {name for name in mailbox() if name not in told} == set()

    def test_what_the_host_writes(self) -> None:
        offsets = mailbox()
        at = dict(zip(("now_ms", "monotonic_ms", "seed"), (0, 8, 16), strict=True))

        assert {name: offsets[name] for name in at} == at
        names = ("flags", "settings_version", "input_ptr", "input_len")
        assert [offsets[name] for name in names] == [48, 52, 56, 60]
        assert abi.ENTRY.size == 64
        packed = abi.ENTRY.pack(1.5, 2.5, bytes(range(32)), 3, 4, 5, 6)
        assert struct.unpack_from("<4I", packed, offsets["flags"]) == (3, 4, 5, 6)
        assert abi.CLOCK.unpack_from(packed, abi.NOW) == (1.5, 2.5)
        assert packed[offsets["seed"] : offsets["flags"]] == bytes(range(32))

    def test_what_the_guest_answers(self) -> None:
        offsets = mailbox()
        memory = bytearray(abi.RESULT_AT + abi.RESULT.size)
        values = [*range(1, 9), 9.5, 10, 11, 12, 13]
        abi.RESULT.pack_into(memory, abi.RESULT_AT, *values)

        for name, value in zip(Result._fields, values, strict=True):
            code = "<d" if isinstance(value, float) else "<I"
            assert struct.unpack_from(code, memory, offsets[name]) == (value,), name

    def test_limits(self) -> None:
        offsets = mailbox()
        names = (
            "output_bytes_max",
            "log_bytes_max",
            "log_lines_max",
            "operations_max",
            "timers_max",
            "stack_bytes_max",
        )

        assert [offsets[name] for name in names] == [abi.LIMITS_AT + 4 * n for n in range(len(names))]
        assert abi.LIMITS.size == 4 * len(names)

    def test_input(self) -> None:
        inline = int(re.findall(r"#define HG_INPUT_INLINE (\d+)", source("mailbox.h"))[0])

        assert mailbox()["input"] == abi.INPUT_AT
        assert inline - abi.INPUT_PADDING == abi.INPUT_INLINE

    def test_rows(self) -> None:
        fields = {
            name: re.findall(r"uint32_t (.*?);", body)
            for body, name in re.findall(r"typedef struct \w+ \{(.*?)\} (\w+);", source("row.c"), re.DOTALL)
        }

        assert mailbox()["row"] == abi.ROW_AT
        assert fields["Row"] == ["count", "done", "slice", "fuel"]
        assert abi.ROW.size == 16
        assert abi.ROW_DONE.unpack_from(abi.ROW.pack(1, 2, 3, 4)) == (2,)
        (result,), (text,) = fields["RowResult"], fields["RowInput"]
        assert len(result.split(", ")) == abi.ROW_RESULT.size // 4
        assert result in (ROOT / "guest" / "ABI.md").read_text(encoding="utf-8")
        assert len(text.split(", ")) == abi.ROW_INPUT.size // 4

    def test_enumerations(self) -> None:
        header = enumerators(source("mailbox.h"), "HG_")
        flags = {
            name.removeprefix("FLAG_"): value for name, value in header.items() if name.startswith("FLAG_")
        }
        touched = {
            name.removeprefix("TOUCHED_"): value
            for name, value in header.items()
            if name.startswith("TOUCHED_")
        }
        statuses = {name: value for name, value in header.items() if name in abi.Status.__members__}
        kinds = {name: value for name, value in header.items() if name in abi.Kind.__members__}

        assert flags == members(abi.Flag)
        assert touched == members(abi.Touched)
        assert statuses == members(abi.Status)
        assert kinds == members(abi.Kind)
        assert len(header) == len(flags) + len(touched) + len(statuses) + len(kinds)
        assert enumerators(source("load.c"), "LOAD_") == members(abi.Load)
        assert enumerators(source("finish.c"), "ITEM_") == members(abi.Item)
        levels = enumerators(source("console.c"), "LEVEL_")
        assert [name.lower() for name in levels] == list(abi.LEVELS)

    def test_handlers(self) -> None:
        listed = re.findall(r"handler_names\[HANDLER_COUNT\] = \{(.*?)\};", source("handlers.c"), re.DOTALL)[
            0
        ]

        assert tuple(re.findall(r'"(on\w+)"', listed))[: len(abi.HANDLERS)] == abi.HANDLERS

    def test_imports_and_exports_in_c(self) -> None:
        texts = "".join(source(path.name) for path in ENGINE.glob("*.c"))

        assert set(re.findall(r"^HG_IMPORT\((\w+)\) ", source("imports.c"), re.MULTILINE)) == set(FUNCTIONS)
        assert {"_initialize", *re.findall(r"HG_EXPORT\((\w+)\)", texts)} == set(ENTRY_POINTS)
        assert set(source("exports.txt").split()) | {"_initialize"} == {*ENTRY_POINTS, COUNTERS[0]}

    def test_the_page_that_tells_all_this(self) -> None:
        page = (ROOT / "guest" / "ABI.md").read_text(encoding="utf-8")
        rows = re.findall(r"^\| ([\d, ]+) \| \S+[^|]*\| (.*?) \|", page, re.MULTILINE)
        told = {}
        for where, names in rows:
            found = re.findall(r"`(\w+)`", names.split(":")[0])
            if found and names.startswith("`"):
                told.update(dict(zip(found, map(int, where.split(",")), strict=True)))

        assert f", version {abi.VERSION}\n" in page
        assert {name: mailbox().get(name) for name in told} == told
        assert {"now_ms", "flags", "output_len", "due_ms", "heap_used", "timers_max"} <= told.keys()
        assert {f"headgate.{name}" for name in ("memory", *FUNCTIONS)} == set(
            re.findall(r"^\| `(headgate\.\w+)", page, re.MULTILINE)
        )
        exports = page.split("## Exports")[1].split("##")[0]
        assert set(re.findall(r"^\| `(\w+)(?:\(len\))?` \|", exports, re.MULTILINE)) == {
            *ENTRY_POINTS,
            *COUNTERS,
        } - {"_initialize"}

    def test_the_version(self) -> None:
        assert int(re.findall(r"#define HG_ABI_VERSION (\d+)", source("mailbox.h"))[0]) == abi.VERSION


def with_metadata(image: Image, **changes: object) -> bytes:
    """The module of *image*, which claims something else about itself; None takes a field out."""
    text = wasm.custom(image.module, METADATA_SECTION)
    assert text is not None
    metadata = {**orjson.loads(text), **changes}
    del metadata["check"]
    return seal(
        {name: value for name, value in metadata.items() if value is not None}, with_section(image, None)
    )


def with_section(image: Image, content: bytes | None) -> bytes:
    kept = [section for section in wasm.sections(image.module) if section.id != SECTIONS["custom"]]
    if content is not None:
        kept.insert(0, wasm.Section(SECTIONS["custom"], wasm.encode_name(METADATA_SECTION) + content))
    return wasm.join(kept)


@pytest.fixture(scope="module")
def image() -> Image:
    image = compile_function(TestImages.SOURCE)
    assert isinstance(image, Image)
    return image


class TestImages:
    SOURCE = "const made = Math.max(1, 2)\nfunction onTrack(event) { event.made = made; return event }"

    @pytest.mark.parametrize("version", [0, abi.VERSION + 1, 999])
    def test_another_abi_version_is_refused(self, image: Image, version: int) -> None:
        with pytest.raises(ImageError) as caught:
            Image(with_metadata(image, abi=version))

        assert str(version) in str(caught.value)
        assert f"version {abi.VERSION}" in str(caught.value)

    def test_another_engine_is_refused(self, image: Image) -> None:
        other = Image(with_metadata(image, engine="0" * 64))

        with pytest.raises(ImageError, match="another build of the engine"):
            _ = other.compiled

    @pytest.mark.parametrize(
        "changes",
        [
            {"abi": "1"},
            {"abi": None},
            {"engine": None},
            {"handlers": "onTrack"},
            {"deferred": 0},
            {"mailbox": None},
            {"source": 5},
        ],
    )
    def test_damaged_metadata_is_refused(self, image: Image, changes: dict[str, object]) -> None:
        with pytest.raises(ImageError, match=r"damaged|version"):
            Image(with_metadata(image, **changes))

    @pytest.mark.parametrize("content", [None, b"", b"{", b"[]", b"null", b"\xff"])
    def test_what_has_no_metadata_is_refused(self, image: Image, content: bytes | None) -> None:
        with pytest.raises(ImageError, match="not a guest image"):
            Image(with_section(image, content))

    @pytest.mark.parametrize(
        "content", [b"", b"\0asm", b"\0asm\1\0\0\0", b"not wasm at all", b"\0asm\1\0\0\0\xff\xff"]
    )
    def test_what_is_no_module_is_refused(self, content: bytes) -> None:
        with pytest.raises(ImageError, match="not a guest image"):
            Image(content)

    def test_every_truncation_is_refused(self, image: Image) -> None:
        for end in [*range(0, 200, 7), *range(0, len(image.module), 409), len(image.module) - 1]:
            with pytest.raises(ImageError):
                Image(image.module[:end])

    def test_saved_and_loaded(self, image: Image, tmp_path: Path) -> None:
        image.save(tmp_path / "function.wasm")
        loaded = Image.load(tmp_path / "function.wasm")

        assert loaded == image
        assert hash(loaded) == hash(image)
        assert (loaded.handlers, loaded.deferred, loaded.digest) == (("onTrack",), False, image.digest)
        wasmtime.Module.validate(wasmtime.Engine(), loaded.module)

    def test_equal_sources_have_equal_images(self, image: Image) -> None:
        assert compile_function(self.SOURCE) == image
        assert compile_function(self.SOURCE.encode()) == image
        other = compile_function(self.SOURCE + " ")
        assert isinstance(other, Image)
        assert other.digest != image.digest

    def test_two_processes_make_equal_bytes(self, tmp_path: Path) -> None:
        sources = {
            "plain": self.SOURCE,
            "deferred": "const at = Date.now(), id = crypto.randomUUID()\nfunction onTrack(event) { return { at, id } }",
            "library": "function onTrack(event) { return _.cloneDeep(event) }",
            "objects": "const all = new Map(Array.from({ length: 500 }, (_, i) => ['k' + i, { i, re: /x/g }]))\nvar onTrack = () => all",
            "random": "globalThis.n = Math.random()\nfunction onTrack() { return {} }",
        }
        script = tmp_path / "digests.py"
        script.write_text(
            "import json, sys\n"
            "from headgate_runtime import compile\n"
            "print(json.dumps({name: compile(text).digest for name, text in json.load(sys.stdin).items()}))\n"
        )
        told = []
        for seed, zone in (("1", "UTC"), ("77", "Asia/Tokyo")):
            environment = {**os.environ, "PYTHONHASHSEED": seed, "TZ": zone}
            done = subprocess.run(
                [sys.executable, script],
                input=orjson.dumps(sources),
                capture_output=True,
                check=True,
                cwd=tmp_path if seed == "1" else ROOT,
                env=environment,
            )
            told.append(orjson.loads(done.stdout))
        here = {}
        for name, text in sources.items():
            image = compile_function(text)
            assert not isinstance(image, CompileError)
            here[name] = image.digest

        assert told == [here, here]
        assert len(set(here.values())) == len(sources)
