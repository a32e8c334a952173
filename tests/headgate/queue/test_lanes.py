"""Whose turn it is, in memory."""

from __future__ import annotations

import math
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from headgate.queue.lanes import LaneIndex
from headgate.queue.model import Lane


def index_of(waiting: dict[Lane, int]) -> LaneIndex:
    index = LaneIndex()
    for key, rows in waiting.items():
        lane = index.lane(key)
        lane.add(rows, rows)
        index.exactly(lane, 0, 0)
    return index


LANES = st.builds(Lane, st.sampled_from("abc"), st.sampled_from("12345"))


@given(
    waiting=st.dictionaries(LANES, st.integers(1, 9)),
    rooms=st.dictionaries(LANES, st.integers(0, 9)),
    limit=st.integers(1, 60),
)
def test_a_plan_is_as_large_as_it_can_be_and_fair(
    waiting: dict[Lane, int], rooms: dict[Lane, int], limit: int
) -> None:
    could = {lane: min(rows, rooms.get(lane, 4)) for lane, rows in waiting.items()}

    plan = index_of(waiting).plan(lambda lane: rooms.get(lane, 4), limit, 0)

    assert len(plan) == len(dict(plan))
    given_ = dict(plan)
    assert all(0 < count <= could[lane] for lane, count in plan)
    assert sum(given_.values()) == min(limit, sum(could.values()))
    for one, most in could.items():
        for other in could:
            if one.workspace == other.workspace and given_.get(one, 0) < most:
                assert given_.get(other, 0) <= given_.get(one, 0) + 1
    of_workspaces = Counter[str]()
    for lane, count in plan:
        of_workspaces[lane.workspace] += count
    for workspace in {lane.workspace for lane in could}:
        most = sum(count for lane, count in could.items() if lane.workspace == workspace)
        if of_workspaces[workspace] < most:
            assert max(of_workspaces.values()) <= of_workspaces[workspace] + 1


def test_turns_go_on_where_the_last_poll_ended() -> None:
    lanes = [Lane("w", str(number)) for number in range(10)]
    index = index_of(dict.fromkeys(lanes, 100))

    polls = [[lane for lane, _ in index.plan(lambda _: 8, 3, 0)] for _ in range(10)]

    assert Counter(lane for poll in polls for lane in poll) == dict.fromkeys(lanes, 3)


@given(st.lists(st.tuples(LANES, st.integers(1, 100)), max_size=40), st.integers(0, 110))
def test_lanes_are_woken_when_they_are_due(changes: list[tuple[Lane, int]], now: int) -> None:
    index = LaneIndex()
    due: dict[Lane, int] = {}
    for key, at in changes:
        lane = index.lane(key)
        lane.add(1, 1)
        index.exactly(lane, at, 0)
        due[key] = at

    assert index.next_due <= min(due.values(), default=math.inf)
    index.wake(now)
    assert {lane for lane, _ in index.plan(lambda _: 1, 100, now)} == {
        key for key, at in due.items() if at <= now
    }
    assert index.next_due <= min((at for at in due.values() if at > now), default=math.inf)


def test_very_many_lanes_without_room_are_not_all_looked_at() -> None:
    lanes = [Lane("w", str(number)) for number in range(5_000)]
    index = index_of(dict.fromkeys(lanes, 9))
    open_ = {lanes[100], lanes[3_000], lanes[4_900]}
    asked: list[Lane] = []

    def room(lane: Lane) -> int:
        asked.append(lane)
        return lane in open_

    found = [lane for _ in range(6) for lane, _ in index.plan(room, 10, 0)]

    assert set(found[:3]) == open_, "every one has its turn"
    assert len(asked) <= 6 * 3_000
    assert index.plan(lambda _: 0, 10, 0) == []


def test_the_heap_does_not_grow_with_what_has_been() -> None:
    """A lane with a retry far off, which is due in between again and again."""
    index = LaneIndex()
    lane = index.lane(Lane("w", "a"))
    lane.add(2, 2)
    for now in range(10_000):
        index.exactly(lane, 1_000_000, now)
        index.earlier(lane, now + 1, now)
        index.wake(now + 1)
        index.plan(lambda _: 1, 10, now + 1)
        index.exactly(lane, 1_000_000 - now, now + 1)

    assert len(index._heap) < 200
    assert index.next_due <= lane.next_due


@given(st.lists(st.sampled_from(range(3)), min_size=80, max_size=120))
def test_no_lane_is_lost_when_stale_heap_entries_are_dropped(order: list[int]) -> None:
    index = LaneIndex()
    lanes = [index.lane(Lane("w", str(number))) for number in range(3)]
    for step, number in enumerate(order):
        index.exactly(lanes[number], 9_000 - step, 0)

        assert index.next_due == min(lane.next_due for lane in lanes)
