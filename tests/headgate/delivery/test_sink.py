import asyncio
import os
import resource
import signal
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.delivery.carrier import Parcel
from headgate.delivery.sink import Sink


def parcels(*bodies: bytes) -> list[Parcel]:
    return [Parcel(str(number), str(number), "track", 1, body) for number, body in enumerate(bodies)]


def write(path: Path, *bodies: bytes) -> str:
    return asyncio.run(Sink(path).deliver(parcels(*bodies))).verdict


def test_a_line_for_each_event(tmp_path: Path) -> None:
    path = tmp_path / "sinks" / "out.jsonl"
    assert write(path, b'{"a":1}', b'{"a":2}') == "delivered"
    assert write(path, b'{"a":3}') == "delivered"
    assert path.read_bytes() == b'{"a":1}\n{"a":2}\n{"a":3}\n'
    assert path.stat().st_mode & 0o777 == 0o600


@given(
    st.lists(st.binary(max_size=200).map(lambda raw: raw.hex().encode()), max_size=5), st.integers(0, 100_000)
)
def test_half_a_line_that_a_killed_writer_left_is_taken_away(lines: list[bytes], torn: int) -> None:
    path = Path(os.environ["PYTEST_SINK"])
    whole = b"".join(line + b"\n" for line in lines)
    path.write_bytes(whole + b"x" * torn)
    assert write(path, b"{}") == "delivered"
    assert path.read_bytes() == whole + b"{}\n"


@pytest.fixture(autouse=True)
def _place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # hypothesis and tmp_path: the same file for every example is what is wanted
    monkeypatch.setenv("PYTEST_SINK", str(tmp_path / "torn.jsonl"))


def _write_many(path: Path, name: str) -> None:
    for number in range(50):
        write(path, *(f'"{name}-{number}-{each}-{"y" * 500}"'.encode() for each in range(20)))


def test_several_processes_write_whole_lines(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    with ProcessPoolExecutor(3, mp_context=get_context("spawn")) as pool:
        for going in [pool.submit(_write_many, path, name) for name in "abc"]:
            going.result()
    lines = path.read_text().splitlines()
    assert len(lines) == len(set(lines)) == 3 * 50 * 20
    assert all(line.startswith('"') and line.endswith('yy"') for line in lines)


def test_a_full_disk_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    assert write(path, b"{}") == "delivered"
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    old = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000, hard))
    try:
        receipt = asyncio.run(Sink(path).deliver(parcels(b"x" * 2_000)))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, old)
    assert (receipt.verdict, receipt.reason, receipt.is_outage) == ("retry", "INTERNAL", True)
    assert receipt.message == "File too large: out.jsonl"
    assert path.read_bytes() == b"{}\n"
    assert write(path, b"[]") == "delivered"
    assert path.read_bytes() == b"{}\n[]\n"
