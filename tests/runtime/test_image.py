"""Images on their way: saved, loaded, damaged, and made by somebody else."""

from __future__ import annotations

import asyncio
import functools
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headgate_runtime import Executor, Image, ImageError, Outcome, abi, compile, overlay, wasm  # noqa: A004
from headgate_runtime.image import METADATA_SECTION, make, seal
from tests.stage import TRACK, value

SOURCE = "const base = [1, 2, 3]; function onTrack(event) { event.properties.sum = base[0] + base[1]; return event }"


BASED = {"based": True}


@functools.cache
def image() -> Image:
    compiled = compile(SOURCE)
    assert isinstance(compiled, Image), compiled
    return compiled


def metadata() -> dict[str, Any]:
    text = wasm.custom(image().module, METADATA_SECTION)
    assert text is not None
    facts: dict[str, Any] = orjson.loads(text)
    assert facts.pop("based") is True
    del facts["check"]
    return facts


def bare() -> bytes:
    """The image's module without what Headgate says of it."""
    return wasm.join(part for part in wasm.sections(image().module) if part.id != wasm.CUSTOM)


def invoke(of: Image) -> Outcome:
    async def main() -> Outcome:
        async with Executor() as executor:
            return await executor.invoke(of, TRACK)

    return asyncio.run(main())


def test_saved_loaded_and_run(tmp_path: Path) -> None:
    image().save(tmp_path / "function.wasm")
    loaded = Image.load(str(tmp_path / "function.wasm"))

    assert (loaded, hash(loaded), loaded.digest) == (image(), hash(image()), image().digest)
    assert value(invoke(loaded))["properties"]["sum"] == 3


def test_what_it_says_of_itself() -> None:
    assert image().handlers == ("onTrack",)
    assert (image().abi, image().deferred, image().size) == (abi.VERSION, False, len(image().module))
    assert len(image().digest) == len(image().source) == len(image().engine) == 64
    assert image().memory_bytes == wasm.memory_pages(image().module) * wasm.PAGE_BYTES
    assert repr(image()) == f"<Image {image().digest[:12]} onTrack>"
    empty = compile("")
    assert isinstance(empty, Image)
    assert repr(empty) == f"<Image {empty.digest[:12]} no handlers>"


def test_equal_images_are_one_function() -> None:
    async def main() -> None:
        async with Executor() as executor:
            again = Image(bytes(bytearray(image().module)))
            assert executor.function(again) is executor.function(image())

    asyncio.run(main())


def test_images_are_compared_by_content() -> None:
    other = compile(SOURCE + " ")

    assert image() != other
    assert image() != image().module
    assert Image(image().module) == image()


def test_a_file_that_is_missing(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Image.load(tmp_path / "nowhere.wasm")


@pytest.mark.parametrize("version", [0, abi.VERSION + 1, 7000])
def test_another_abi_version_is_refused_by_name(version: int) -> None:
    with pytest.raises(ImageError) as refusal:
        Image(seal({**metadata(), **BASED, "abi": version}, bare()))

    assert str(refusal.value) == (
        f"the image has ABI version {version}, this runtime runs version {abi.VERSION}: build it again"
    )


def test_another_engine_is_refused_before_it_runs() -> None:
    other = Image(seal({**metadata(), **BASED, "engine": "0" * 64}, bare()))

    with pytest.raises(ImageError, match="made by another build of the engine: build it again"):
        invoke(other)


@pytest.mark.parametrize(
    "change",
    [
        *(
            {"abi": True},
            {"abi": 1.0},
            {"based": 1},
            {"deferred": 1},
            {"engine": None},
            {"handlers": {}},
            {"handlers": [1]},
        ),
        *({"mailbox": "5"}, {"source": []}),
    ],
)
def test_what_it_says_must_be_of_its_kind(change: dict[str, Any]) -> None:
    with pytest.raises(ImageError, match="its `headgate` section is damaged"):
        Image(seal({**metadata(), **BASED, **change}, bare()))


@pytest.mark.parametrize("mailbox", [-1, -(2**62), 2**31, 2**32 - 1, 2**62])
def test_a_mailbox_outside_of_memory_is_refused(mailbox: int) -> None:
    with pytest.raises(ImageError):
        Image(seal({**metadata(), **BASED, "mailbox": mailbox}, bare()))


def loop_at_start() -> bytes:
    """An image's memory beside a start function that never returns."""
    function = b"\x03\x40\x0c\x00\x0b\x0b"  # loop br 0 end end
    parts = {part.id: part for part in wasm.sections(bare())}
    code = wasm.encode_unsigned(len(function) + 1) + b"\0" + function
    return wasm.join(
        [
            wasm.Section(1, b"\x01\x60\0\0"),
            wasm.Section(3, b"\x01\0"),
            parts[wasm.MEMORY],
            parts[wasm.EXPORT],
            wasm.Section(wasm.START, b"\0"),
            wasm.Section(10, b"\x01" + code),
            parts[wasm.DATA],
        ]
    )


def test_an_image_that_holds_code_is_refused() -> None:
    with pytest.raises(ImageError, match="holds something else than one memory and its content"):
        Image(seal({**metadata(), **BASED}, loop_at_start()))


@pytest.mark.parametrize("pages", [0, 2])
def test_an_image_has_one_memory(pages: int) -> None:
    parts = [part for part in wasm.sections(bare()) if part.id != wasm.MEMORY]
    memories = wasm.encode_unsigned(pages) + b"\0\x40" * pages

    with pytest.raises(ImageError, match=f"{pages} memories where one is wanted"):
        Image(seal({**metadata(), **BASED}, wasm.join([wasm.Section(wasm.MEMORY, memories), *parts])))


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_damage_is_noticed(data: st.DataObject) -> None:
    """Any bytes changed, cut out or put in: refused, or the image as it was."""
    module = bytearray(image().module)
    for _ in range(data.draw(st.integers(1, 3), "changes")):
        # Half of them where the module says what it is.
        end = data.draw(st.sampled_from([600, len(module)]), "end")
        at = data.draw(st.integers(0, min(end, len(module)) - 1), "at")
        new = data.draw(st.binary(max_size=4), "new")
        old = data.draw(st.integers(0, 4), "old")
        module[at : at + old] = new
    try:
        found = Image(bytes(module))
    except ImageError:
        return
    assert found == image()


def test_what_is_over_the_base_image_is_bounded() -> None:
    """By those who sealed it themselves, too: more than it may be would be copied, or mapped, for every sandbox."""
    pages = image().memory_bytes // wasm.PAGE_BYTES
    most = [wasm.Segment(abi.STACK_BYTES, bytes(overlay.OVERLAY_BYTES))]
    extra = overlay.base_pages() + overlay.EXTRA_PAGES

    def over(segments: list[wasm.Segment], pages: int) -> Image:
        memory = wasm.Section(wasm.MEMORY, b"\1\0" + wasm.encode_unsigned(pages))
        parts = wasm.sections(wasm.memory_module(segments, pages + 1))
        module = wasm.join([memory, *(part for part in parts if part.id != wasm.MEMORY)])
        return Image(seal({**metadata(), **BASED}, module))

    last = wasm.Segment(pages * wasm.PAGE_BYTES - 1, b"+")
    for allowed, room in ((most, pages), ([last], pages), ([], overlay.base_pages()), ([], extra)):
        assert over(allowed, room).overlay == overlay.Overlay.of(allowed)
    for refused, room in (
        ([*most, wasm.Segment(abi.STACK_BYTES, b"+")], pages),
        ([wasm.Segment(last.end, b"+")], pages),
        ([], overlay.base_pages() - 1),
        ([], extra + 1),
    ):
        with pytest.raises(ImageError, match="the image is damaged: build it again"):
            _ = over(refused, room).overlay


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_memory_made_to_do_harm_harms_itself_only(data: st.DataObject) -> None:
    """Somebody who damages an image and seals it again gets whatever its sandbox comes to, and the host an outcome."""
    over = image().overlay
    assert over is not None
    memory = bytearray(overlay.onto_base(over).ljust(image().memory_bytes, b"\0"))
    for _ in range(data.draw(st.integers(1, 30), "changes")):
        at = data.draw(st.integers(0, len(memory) - 8), "at")
        memory[at : at + 4] = data.draw(st.binary(min_size=4, max_size=4), "new")
    harmed = Image(make(bytes(memory), image().memory_bytes // wasm.PAGE_BYTES, metadata()))

    async def main() -> None:
        async with Executor() as executor:
            outcome = await executor.invoke(harmed, TRACK)
            assert outcome.outcome in {"forward", "filtered", "discard", "retry"}
            assert value(await executor.invoke(image(), TRACK))["properties"]["sum"] == 3

    asyncio.run(main())
