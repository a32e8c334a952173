"""What is kept of failures: the newest few of each kind, within bounds, and no secret; and what functions used."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path

import pytest

from headgate.paths import DataDirectory
from headgate.queue.model import Error, Lane, Step
from headgate.samples import file, store
from headgate.samples.file import DAY_MS, PER_REASON, RETENTION_MS, CallKey, SampleFile, Usage, UsageKey
from headgate.samples.reading import Reader
from headgate.samples.sample import EVENT_BYTES, Sample
from headgate.samples.store import SampleStore
from headgate_runtime import Forward
from headgate_runtime import Usage as RuntimeUsage
from headgate_runtime.outcome import Cause, of_cause
from tests.headgate.pipeline.harness import snapshot

NOW = 1_767_225_600_000


def sample(number: int = 0, **fields: object) -> Sample:
    plain = Sample(
        at=NOW + number,
        lane=Lane("w", "d"),
        source="s",
        function="f",
        step=Step.FAILED_DELIVERY,
        message_id=f"m{number}",
        event_type="track",
        attempt=1,
        error=Error("400", "no", 400),
        event=b'{"type":"track"}',
        outcome=None,
        trace=None,
        request=None,
        secrets=(),
    )
    return plain._replace(**fields)  # type: ignore[arg-type]


@pytest.fixture
def data(tmp_path: Path) -> DataDirectory:
    return DataDirectory(tmp_path)


def written(data: DataDirectory, *samples: Sample, worker: int = 0, now: int = NOW) -> None:
    one = SampleFile(data.samples(worker))
    for each in samples:
        one.write([each], {}, now)
    one.close()


def ids(data: DataDirectory, destination: str = "d", now: int = NOW, **which: str) -> list[str]:
    return [kept.message_id for kept in Reader(data).samples(destination, now, **which)]


def test_the_newest_of_each_reason_are_kept_over_all_workers(data: DataDirectory) -> None:
    many = [sample(number) for number in range(PER_REASON + 5)]
    written(data, *many, sample(1, error=Error("500", "later")))
    written(data, sample(99), sample(3, lane=Lane("w", "other")), worker=1)

    assert ids(data, reason="400") == ["m99", *(f"m{number}" for number in range(14, 5, -1))]
    assert ids(data, reason="500") == ["m1"]
    assert ids(data, "other") == ["m3"]
    assert ids(data, step="filtered-at-destination") == []
    (rows,) = sqlite3.connect(data.samples(0)).execute("SELECT count(*) FROM samples").fetchone()
    assert rows == PER_REASON + 1


def test_a_function_has_so_many_bytes_and_the_oldest_go(
    data: DataDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file, "FUNCTION_BYTES", 10_000)
    large = [sample(number, event=b"x" * 3_000, lane=Lane("w", f"d{number}")) for number in range(5)]
    written(data, sample(9, function="", lane=Lane("w", "alone")), *large)

    assert [ids(data, f"d{number}") for number in range(5)] == [[], [], ["m2"], ["m3"], ["m4"]]
    assert ids(data, "alone") == ["m9"]


def test_all_have_so_many_bytes(data: DataDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file, "TOTAL_BYTES", 20_000)
    many = [
        sample(number, event=b"x" * 3_000, function=f"f{number}", lane=Lane("w", f"d{number}"))
        for number in range(12)
    ]
    written(data, *many)

    left = [number for number in range(12) if ids(data, f"d{number}")]
    assert left == list(range(left[0], 12))
    assert 3 <= len(left) <= 6


def test_old_samples_and_old_usage_go(data: DataDirectory) -> None:
    written(data, sample(), now=NOW)
    assert ids(data, now=NOW + RETENTION_MS) == ["m0"]
    assert ids(data, now=NOW + RETENTION_MS + 1) == []
    written(data, sample(lane=Lane("w", "new")), now=NOW + RETENTION_MS + 1)
    (rows,) = sqlite3.connect(data.samples(0)).execute("SELECT count(*) FROM samples").fetchone()
    assert rows == 0


def test_files_of_workers_that_are_no_more_go_when_all_in_them_is_old(
    data: DataDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file, "SWEPT_AT_ONCE", 3)
    now = NOW
    many = [sample(number, lane=Lane("w", f"d{number}")) for number in range(10)]
    written(data, *many, worker=1)
    written(data, sample(RETENTION_MS), worker=2)
    left = [data.samples(1), data.samples(2), data.samples(3)]

    async def main() -> None:
        nonlocal now
        kept = await SampleStore.open(data, 0, lambda: now, left)
        await kept.flush()
        assert data.samples(1).exists()
        await kept.close()
        now += RETENTION_MS + 20
        kept = await SampleStore.open(data, 0, lambda: now, left)
        await kept.flush()
        await kept.close()

    asyncio.run(main())
    assert data.all_samples() == {0: data.samples(0), 2: data.samples(2)}
    assert ids(data, now=now) == [f"m{RETENTION_MS}"]


def test_what_is_kept_has_no_secret_whole_or_in_part(data: DataDirectory) -> None:
    secret = 'my"secret/value'
    event = b'{"a":"my\\"secret/value","b":"' + b"x" * (3 * EVENT_BYTES) + b'"}'
    edge = b"y" * (2 * EVENT_BYTES - 5) + secret.encode() + b"z" * 100
    written(
        data,
        sample(1, event=event, secrets=(secret,), error=Error("400", f"got {secret}")),
        sample(2, event=edge, secrets=(secret,)),
    )
    second, first = Reader(data).samples("d", NOW)

    assert first.content["event"].startswith('{"a":"[redacted]","b":"xxx')
    assert first.content["eventTruncated"] is True
    assert first.content["error"]["message"] == "got [redacted]"
    assert second.content["event"] == "y" * EVENT_BYTES
    assert secret.encode() not in data.samples(0).read_bytes()


def test_a_file_that_is_none_is_begun_anew(data: DataDirectory) -> None:
    data.samples(0).write_bytes(b"no database at all" * 100)

    assert ids(data) == []
    written(data, sample())
    assert ids(data) == ["m0"]


def test_samples_are_taken_in_moderation_and_written_behind(
    data: DataDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = NOW
    monkeypatch.setattr(store, "WAITING", 15)

    async def main() -> None:
        nonlocal now
        kept = await SampleStore.open(data, 0, lambda: now)
        wanted = [kept.wants("d", "400") for _ in range(20)]
        assert wanted == [True] * PER_REASON + [False] * 10
        assert kept.wants("d", "500")
        now += store.WINDOW_MS
        assert kept.wants("d", "400")
        for number in range(15):
            kept.keep(sample(number))
        assert not kept.wants("d", "401")
        await kept.flush()
        assert kept.wants("d", "401")
        assert len(ids(data)) == PER_REASON
        kept.keep(sample(77, error=Error("401", "")))
        await kept.close()
        assert ids(data, reason="401") == ["m77"]

    asyncio.run(main())


def test_a_file_that_cannot_be_written_holds_nobody_up(
    data: DataDirectory, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        kept = await SampleStore.open(data, 0, lambda: NOW)
        kept._file.close()
        for _ in range(2):
            kept.keep(sample())
            await kept.flush()
        await kept.close()

    asyncio.run(main())
    assert [record.levelname for record in caplog.records] == ["WARNING"]


def test_usage_adds_up_over_workers(data: DataDirectory) -> None:
    key, other = UsageKey(NOW // DAY_MS, "w", "f"), UsageKey(NOW // DAY_MS - 1, "w", "f")
    for worker in (0, 1, 1):
        one = SampleFile(data.samples(worker))
        one.write([], {key: Usage(2, 10, 1.5, 7), other: Usage(1, 1, 1.0, 1)}, NOW)
        one.close()

    day = NOW // DAY_MS
    assert Reader(data).usage("w", day - 1, day) == {other: Usage(3, 3, 3.0, 3), key: Usage(6, 30, 4.5, 21)}
    assert Reader(data).usage("w", day, day, function="g") == {}
    assert Reader(data).usage("v", day, day) == {}
    assert Reader(data).fuel_of(NOW) == {"w": 30}


def test_the_fuel_of_today_is_that_of_all_workers(data: DataDirectory) -> None:
    now = NOW
    ran = [Forward(Cause.FORWARD, 100, 2.0, 0, b"{}")]

    async def main() -> None:
        nonlocal now
        first = await SampleStore.open(data, 0, lambda: now)
        second = await SampleStore.open(data, 1, lambda: now)
        for store_of_one in (first, second, second):
            store_of_one.ran("w", "f", ran, together=False)
        assert (first.fuel_today("w"), second.fuel_today("w"), second.fuel_today("v")) == (100, 200, 0)
        await second.flush()
        await first.flush()
        assert (first.fuel_today("w"), second.fuel_today("w")) == (100, 200)
        now += store.OTHERS_MS
        for store_of_one in (first, second):
            store_of_one.ran("w", "f", ran, together=False)
            await store_of_one.flush()
        assert (first.fuel_today("w"), second.fuel_today("w")) == (400, 500)
        await first.close()
        first = await SampleStore.open(data, 0, lambda: now)
        assert first.fuel_today("w") == 500
        now += DAY_MS
        assert (first.fuel_today("w"), second.fuel_today("w")) == (0, 0)
        second.ran("w", "f", ran, together=False)
        assert second.fuel_today("w") == 100
        await second.flush()
        assert second.fuel_today("w") == 100
        await first.close()
        await second.close()

    asyncio.run(main())


def test_what_was_used_and_received_is_written_together(data: DataDirectory) -> None:
    async def main() -> None:
        kept = await SampleStore.open(data, 0, lambda: NOW)
        source = snapshot().sources["s"]
        for _ in range(3):
            kept.received(source, 2)
        forwarded = [Forward(Cause.FORWARD, 100, 2.0, 0, b"12345") for _ in range(2)]
        kept.ran("w", "f", forwarded, together=True)
        kept.ran("w", "f", [*forwarded, of_cause(Cause.RETRY, RuntimeUsage(7, 1.0, 0))], together=False)
        await kept.close()

    asyncio.run(main())
    day = NOW // DAY_MS
    assert Reader(data).calls("w", day, day) == {CallKey(day, "w", "s"): 6}
    assert Reader(data).usage("w", day, day) == {UsageKey(day, "w", "f"): Usage(4, 307, 7.0, 20)}


def test_what_cannot_be_stored_stops_nothing(data: DataDirectory) -> None:
    """Half a surrogate pair fits into no file."""

    async def main() -> None:
        kept = await SampleStore.open(data, 0, lambda: NOW)
        kept.keep(sample(1, event_type="\ud800"))
        await kept.flush()
        kept.keep(sample(2))
        await kept.close()

    asyncio.run(main())
    assert ids(data) == ["m2"]
