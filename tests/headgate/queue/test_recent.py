"""What waits in memory beside its file: bounded, and never a part of what waits."""

from __future__ import annotations

from headgate.queue.model import NO_LABELS, Job, Lane
from headgate.queue.recent import Lease, Recent, Waiting

LANE = Lane("w", "a")


def waiting(number: int, size: int = 100) -> Waiting:
    job = Job(
        number,
        LANE,
        "s",
        f"m{number}",
        "track",
        "function",
        0,
        0,
        1_000 + number,
        None,
        b"x" * size,
        NO_LABELS,
    )
    return job, Lease(number, False, size, 1)


def put(recent: Recent, lane: int, *all_of: Waiting) -> None:
    for one in all_of:
        recent.put(lane, [one])
    recent.after_commit()


def numbers(recent: Recent, lane: int, most: int) -> tuple[list[int], int | None]:
    taken, next_due = recent.take(lane, most)
    return [job.id for job, _ in taken], next_due


def test_in_order_and_with_what_is_left() -> None:
    recent = Recent()
    recent.follow(1)
    put(recent, 1, *map(waiting, range(5)))
    assert not recent.is_caught_up(1)
    assert recent.first(1) == 0
    recent.catch_up(1)

    assert recent.is_caught_up(1)
    assert numbers(recent, 1, 2) == ([0, 1], 1_002)
    assert numbers(recent, 1, 9) == ([2, 3, 4], None)
    assert (numbers(recent, 1, 9), recent.first(1)) == (([], None), None)
    put(recent, 1, waiting(5))
    assert numbers(recent, 1, 1) == ([5], None)


def test_what_was_rolled_back_is_not_there() -> None:
    recent = Recent()
    recent.follow(1)
    recent.put(1, [waiting(0)])
    recent.after_rollback()
    recent.after_commit()

    assert numbers(recent, 1, 9) == ([], None)


def test_a_lane_of_which_something_else_waits_is_not_followed() -> None:
    recent = Recent()
    recent.follow(1)
    put(recent, 1, waiting(0))
    recent.put(1, [waiting(1)])
    recent.leave(1)
    recent.after_commit()

    assert 1 not in recent
    recent.follow(1)
    assert not recent.is_caught_up(1)
    assert numbers(recent, 1, 9) == ([], None)


def test_a_lane_that_has_too_much_is_left_to_its_file() -> None:
    recent = Recent(lane_bytes=5_000, bytes_max=8_000)
    for lane in (1, 2, 3):
        recent.follow(lane)
    put(recent, 1, *map(waiting, range(20)))
    assert 1 not in recent
    put(recent, 2, waiting(20, 4_000))
    put(recent, 3, waiting(21, 4_000))
    assert (2 in recent, 3 in recent) == (True, False)
    assert numbers(recent, 2, 1) == ([20], None)
    recent.follow(3)
    put(recent, 3, waiting(22, 4_000))
    assert 3 in recent
