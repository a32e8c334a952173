"""The build's own promises: nothing is made twice, nothing half made is kept, nothing foreign gets in."""

from __future__ import annotations

import asyncio
import io
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest
import wasmtime

from guest.build import digests, engine, images, notices, sources
from guest.build.sources import Tree
from guest.build.workshop import KEPT_RESULTS, BuildError, Workshop, digest_of
from headgate_runtime import Executor, Image, compile, wasm  # noqa: A004 - the field's word

GUEST = Tree().output


@pytest.fixture
def shop(tmp_path: Path) -> Workshop:
    return Workshop(tmp_path / "cache", io.StringIO())


def said(shop: Workshop) -> str:
    assert isinstance(shop.out, io.StringIO)
    return shop.out.getvalue()


class TestWorkshop:
    def test_a_step_is_done_once_per_digest(self, shop: Workshop) -> None:
        runs: list[Path] = []

        def build(out: Path) -> None:
            runs.append(out)
            (out / "made").write_text(str(len(runs)))

        first = shop.step("[1/1] it", "it", "a", build)
        again = shop.step("[1/1] it", "it", "a", build)
        other = shop.step("[1/1] it", "it", "b", build)

        assert [(path / "made").read_text() for path in (first, again, other)] == ["1", "1", "2"]
        assert "[1/1] it: unchanged\n" in said(shop)

    def test_a_step_that_fails_leaves_nothing(self, shop: Workshop) -> None:
        def fail(out: Path) -> None:
            (out / "half").write_text("made")
            raise BuildError("no")

        with pytest.raises(BuildError):
            shop.step("it", "it", "a", fail)

        assert list((shop.cache / "steps" / "it").iterdir()) == []

    def test_only_the_latest_results_are_kept(self, shop: Workshop) -> None:
        for number in range(KEPT_RESULTS + 2):
            made = shop.step("it", "it", str(number), lambda _: None)
            os.utime(made, (number, number))

        kept = {path.name for path in (shop.cache / "steps" / "it").iterdir()}
        assert kept == {str(number) for number in range(2, KEPT_RESULTS + 2)}

    def test_a_failed_program_shows_its_words(self, shop: Workshop, tmp_path: Path) -> None:
        with pytest.raises(BuildError, match=r"(?s)failed with status 3:.*the reason"):
            shop.run([sys.executable, "-c", "print('the reason'); raise SystemExit(3)"], cwd=tmp_path)


class TestDigests:
    def test_content_names_and_order_count(self, tmp_path: Path) -> None:
        (tmp_path / "a").write_text("1")
        (tmp_path / "b").write_text("2")
        before = digest_of(tmp_path)

        assert digest_of(tmp_path) == before
        assert digest_of(tmp_path / "a", tmp_path / "b") != digest_of(tmp_path / "b", tmp_path / "a")
        (tmp_path / "b").write_text("3")
        assert digest_of(tmp_path) != before
        (tmp_path / "b").write_text("2")
        assert digest_of(tmp_path) == before
        (tmp_path / "b").rename(tmp_path / "c")
        assert digest_of(tmp_path) != before

    def test_texts_do_not_run_together(self) -> None:
        assert digest_of("ab", "c") != digest_of("a", "bc")

    def test_what_is_absent_counts(self, tmp_path: Path) -> None:
        before = digest_of(tmp_path / "a")
        (tmp_path / "a").write_text("")

        assert digest_of(tmp_path / "a") != before

    def test_a_change_reaches_its_step_and_the_later_ones_only(self, tmp_path: Path) -> None:
        tree = Tree(guest=tmp_path)
        tree.prelude.mkdir()
        before = digests.step_digests(tree)
        (tree.prelude / "index.js").write_text("export default 1")
        after = digests.step_digests(tree)

        changed = {name for name in before if before[name] != after[name]}
        assert changed == {"prelude", "notices", "base", "result"}

    def test_a_damaged_file_is_noticed(self, tmp_path: Path) -> None:
        (tmp_path / "engine.wasm").write_bytes(b"x")
        manifest = {"inputs": digests.step_digests(Tree())["result"], "files": digests.contents_of(tmp_path)}
        (tmp_path / digests.MANIFEST).write_text(json.dumps(manifest))

        assert digests.is_current(Tree(), tmp_path)
        (tmp_path / "engine.wasm").write_bytes(b"y")
        assert not digests.is_current(Tree(), tmp_path)


class TestPins:
    def test_the_tools_are_pinned_exactly(self) -> None:
        assert all("==" in requirement for requirement in sources.pinned_tools())
        assert sources.pin_of("ziglang").startswith("ziglang==")

    def test_a_tool_without_a_pin_is_refused(self) -> None:
        with pytest.raises(BuildError, match="pins no zigzag"):
            sources.pin_of("zigzag")


class TestParting:
    def linked(self, tmp_path: Path, text: str) -> Path:
        path = tmp_path / "linked.wasm"
        path.write_bytes(wasmtime.wat2wasm(text))
        return path

    def test_code_and_memory_together_are_the_engine(self, tmp_path: Path) -> None:
        text = """(module
            (import "env" "memory" (memory 2))
            (func (export "peek") (param i32) (result i32) local.get 0 i32.load8_u)
            (data (i32.const 70000) "A"))"""
        engine.split_engine(self.linked(tmp_path, text), tmp_path)

        store = wasmtime.Store()
        boot = wasmtime.Instance(
            store, wasmtime.Module.from_file(store.engine, str(tmp_path / "boot.wasm")), []
        )
        code = wasmtime.Module.from_file(store.engine, str(tmp_path / "engine.wasm"))
        instance = wasmtime.Instance(store, code, [boot.exports(store)["memory"]])
        peek = instance.exports(store)["peek"]
        assert isinstance(peek, wasmtime.Func)
        assert [peek(store, address) for address in (69_999, 70_000)] == [0, ord("A")]

    def test_an_import_from_elsewhere_is_refused_by_name(self, tmp_path: Path) -> None:
        text = """(module
            (import "env" "memory" (memory 1))
            (import "wasi_snapshot_preview1" "fd_write" (func))
            (import "headgate" "file" (func)))"""

        with pytest.raises(BuildError, match=r"imports wasi_snapshot_preview1\.fd_write, but"):
            engine.split_engine(self.linked(tmp_path, text), tmp_path)

    def test_data_that_code_could_name_is_refused(self, tmp_path: Path) -> None:
        text = '(module (import "env" "memory" (memory 1)) (data "passive"))'

        with pytest.raises(BuildError, match="cannot be split"):
            engine.split_engine(self.linked(tmp_path, text), tmp_path)


def test_exports_are_listed_one_a_line(tmp_path: Path) -> None:
    listing = tmp_path / "exports.txt"
    listing.write_text("# the host calls these\ninvoke\n\nresume  # after an answer\n")

    assert engine.exports_of(listing) == ["invoke", "resume"]


def test_baking_depends_on_what_it_imports(tmp_path: Path) -> None:
    package = tmp_path / "headgate_runtime"
    package.mkdir()
    for name, text in {
        "bake": "from headgate_runtime.engine import Engine\nimport os",
        "engine": "import headgate_runtime.abi",
        "abi": "from headgate_runtime import wasm",
        "wasm": "",
        "executor": "from headgate_runtime import bake",
    }.items():
        (package / f"{name}.py").write_text(text)

    assert [path.stem for path in images.modules_of_bake(tmp_path)] == ["abi", "bake", "engine", "wasm"]


class TestResult:
    """The built guest as `make build` left it."""

    def test_it_is_current(self) -> None:
        assert digests.is_current(Tree(), GUEST)

    def test_it_names_no_machine_path(self) -> None:
        root = str(sources.ROOT).encode()

        assert [path for path in GUEST.rglob("*") if path.is_file() and root in path.read_bytes()] == []

    def test_the_engine_has_no_data(self) -> None:
        assert wasm.segments((GUEST / "engine.wasm").read_bytes()) == []

    def test_declarations_are_shipped_as_they_are(self) -> None:
        shipped = {path.name: path.read_bytes() for path in (GUEST / "types").iterdir()}

        assert shipped == {path.name: path.read_bytes() for path in Tree().types}
        assert "headgate.d.ts" in shipped

    def test_notices_name_every_library(self) -> None:
        text = (GUEST / notices.FILE).read_text(encoding="utf-8")
        index = json.loads((GUEST / "libraries" / "index.json").read_text())

        wanted = {
            "QuickJS-ng",
            "ada",
            *(f"{entry['package']} {entry['version']}" for entry in index.values()),
        }
        assert {name for name in wanted if f"\n{name}\n" not in text} == set()

    @pytest.mark.parametrize(("name", "use"), [("_", "_.isEmpty"), ("moment", "moment.utc")])
    def test_a_library_defines_its_global_and_no_other(self, name: str, use: str) -> None:
        names = (
            "Reflect.ownKeys(globalThis)"
            ".filter((name) => 'value' in Object.getOwnPropertyDescriptor(globalThis, name)).map(String)"
        )
        plain = self.globals_with(f"function onTrack(event) {{ event.names = {names}; return event }}")
        source = (
            f"{use};\nfunction onTrack(event) {{ event.names = {names}; event.flags = "
            f"Object.getOwnPropertyDescriptor(globalThis, {json.dumps(name)}); return event }}"
        )
        event = self.globals_with(source)

        assert set(event["names"]) - set(plain["names"]) == {name}
        assert {flag: event["flags"][flag] for flag in ("writable", "enumerable", "configurable")} == {
            "writable": True,
            "enumerable": False,
            "configurable": True,
        }

    @staticmethod
    def globals_with(source: str) -> dict[str, Any]:
        async def run() -> bytes:
            image = compile(source)
            assert isinstance(image, Image), image
            async with Executor() as executor:
                outcome = await executor.invoke(image, {"type": "track"})
            assert outcome.output is not None, outcome
            return outcome.output

        event: dict[str, Any] = json.loads(asyncio.run(run()))
        return event
