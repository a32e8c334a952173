"""Where the engine's machine code is kept: for this user only, or not at all; and never a reason to fail."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

from headgate_runtime import GuestMissing, guest
from headgate_runtime._wasmtime import Module


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Nothing kept yet; `kept` is what will be."""
    monkeypatch.setenv(guest.CACHE_VARIABLE, str(tmp_path / "base"))
    return tmp_path / "base" / "headgate"


# A small module stands for the engine, which takes seconds to compile.
WASM = b"\0asm\x01\0\0\0\x01\x04\x01\x60\0\0\x03\x02\x01\0\x07\x05\x01\x01f\0\0\x0a\x04\x01\x02\0\x0b"


@pytest.fixture
def built(tmp_path: Path) -> Path:
    (tmp_path / "guest").mkdir()
    (tmp_path / "guest" / "engine.wasm").write_bytes(WASM)
    return tmp_path / "guest"


def load(built: Path) -> Module:
    return guest.code.__wrapped__(built)


def kept(cache: Path) -> list[Path]:
    return sorted(cache.iterdir())


def test_machine_code_is_kept_and_taken_again(
    cache: Path, built: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load(built)
    (file,) = kept(cache)
    assert file.name.startswith("engine-")
    assert file.suffix == ".cwasm"
    assert file.stat().st_mode & 0o077 == 0
    assert cache.stat().st_mode & 0o077 == 0

    def refuse(*_: object) -> Module:
        raise AssertionError("compiled again")

    monkeypatch.setattr(guest.engine(), "compile", refuse)
    assert load(built).pointer


def test_another_engine_is_another_file(cache: Path, built: Path) -> None:
    load(built)
    (built / "engine.wasm").write_bytes(WASM + b"\0\x02\x01x")
    load(built)

    assert len(kept(cache)) == 2


@pytest.mark.parametrize("damage", ["empty", "cut", "header", "inside", "noise", "end"])
def test_a_damaged_file_is_made_again(cache: Path, built: Path, damage: str) -> None:
    load(built)
    (file,) = kept(cache)
    whole = file.read_bytes()
    middle = len(whole) // 2
    damaged = {
        "empty": b"",
        "cut": whole[:middle],
        "header": bytes(64) + whole[64:],
        "inside": whole[:middle] + bytes([whole[middle] ^ 0xFF]) + whole[middle + 1 :],
        "noise": os.urandom(1000),
        "end": whole[:-1] + bytes([whole[-1] ^ 1]),
    }
    file.write_bytes(damaged[damage])

    assert load(built).pointer
    assert [path.read_bytes() for path in kept(cache)] == [whole]


@pytest.mark.parametrize("mode", [0o777, 0o770, 0o720, 0o702])
def test_a_directory_that_others_may_write_is_not_trusted(cache: Path, built: Path, mode: int) -> None:
    cache.mkdir(parents=True)
    cache.chmod(mode)

    assert load(built).pointer
    assert kept(cache) == []


def test_a_directory_of_somebody_else_is_not_trusted(
    cache: Path, built: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache.mkdir(parents=True, mode=0o700)
    monkeypatch.setattr(os, "getuid", lambda: 12345)

    assert load(built).pointer
    assert kept(cache) == []


def test_a_directory_that_cannot_be_made(
    tmp_path: Path, built: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv(guest.CACHE_VARIABLE, str(tmp_path / "file"))

    assert load(built).pointer


def test_a_disk_that_is_full(cache: Path, built: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tempfile, "NamedTemporaryFile", fail)

    assert load(built).pointer
    assert kept(cache) == []


def test_a_write_that_breaks_off_leaves_nothing(
    cache: Path, built: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", fail)
        assert load(built).pointer
    assert kept(cache) == []


def test_only_the_latest_are_kept(cache: Path, built: Path) -> None:
    for number in range(guest.KEPT + 3):
        (built / "engine.wasm").write_bytes(WASM + b"\0\x02\x01" + bytes([number]))
        load(built)
    (built / "engine.wasm").write_bytes(WASM)
    load(built)

    assert len(kept(cache)) == guest.KEPT
    before = kept(cache)
    load(built)
    assert kept(cache) == before


def test_a_user_without_a_home(built: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv(guest.CACHE_VARIABLE, raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(Path, "home", fail)

    assert load(built).pointer


def test_a_guest_that_is_not_built(tmp_path: Path) -> None:
    with pytest.raises(
        GuestMissing, match=r"engine.wasm is missing: the guest is not built; run `make build`"
    ):
        load(tmp_path)
    with pytest.raises(GuestMissing):
        guest.read("base.wasm", tmp_path)
