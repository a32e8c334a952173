"""
A guest that lies: whatever an engine taken over from inside could write into its memory or hand to an import, the host
neither raises nor reads outside the sandbox.
"""

from __future__ import annotations

import ctypes

import orjson
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from headgate_runtime import Limits, Outcome, Request, abi, conclude
from headgate_runtime import sandbox as sandbox_module
from headgate_runtime.cache import Cache
from headgate_runtime.outcome import Cause, Usage
from headgate_runtime.sandbox import REFUSED, Sandbox
from tests.runtime.fakes import FakeClock
from tests.runtime.programs import json_values
from tests.stage import Stage, track, value

USAGE = Usage(0, 0.0, 0)
EVENTS = [b'{"type":"track"}'] * 3

anything = st.one_of(
    st.binary(max_size=200),
    json_values.map(orjson.dumps),
    st.lists(json_values | st.just("\ufffd"), max_size=5).map(orjson.dumps),
    st.just(b'[null,"\\ud800","\\udfff\\ud800",null]'),
    st.just(b"[" * 5000),
)


@given(kind=st.integers(0, 2**32 - 1) | st.sampled_from(list(map(int, abi.Kind))), output=anything)
def test_any_answer_is_an_outcome(kind: int, output: bytes) -> None:
    outcome = conclude.of_output(kind, output, USAGE, Limits())

    assert isinstance(outcome, Outcome)
    for text in (outcome.message, outcome.error_name, outcome.stack):
        assert text is None or text.encode() is not None


@given(
    output=st.one_of(
        st.binary(max_size=120),
        st.lists(st.integers(0, 9) | st.integers(0, 2**32 - 1), min_size=10, max_size=12).map(
            lambda numbers: b"".join(number.to_bytes(4, "little") for number in numbers)
        ),
    )
)
def test_any_table_of_a_batch_gives_an_outcome_per_event(output: bytes) -> None:
    outcomes = conclude.of_items(output, EVENTS, USAGE, Limits())

    assert len(outcomes) == len(EVENTS)
    assert all(isinstance(outcome, Outcome) for outcome in outcomes)


@given(content=st.binary(max_size=200))
def test_any_log_is_lines(content: bytes) -> None:
    for line in conclude.log_lines(content):
        assert line.level in abi.LEVELS
        line.message.encode()


@given(
    payload=anything
    | st.fixed_dictionaries(
        {},
        optional={
            "op": st.sampled_from(["get", "put", "delete", "x", 5]),
            "key": st.sampled_from(["k", "", 5, None]),
            "ttl": json_values,
            "value": json_values,
        },
    ).map(orjson.dumps)
)
def test_any_request_to_the_cache_is_answered(payload: bytes) -> None:
    answer = Cache(FakeClock()).answer(Request(7, "cache", payload, None))

    assert answer.operation == 7
    assert isinstance(orjson.loads(answer.payload), dict)


def test_a_value_too_deep_for_the_cache_is_answered() -> None:
    deep = b"[" * 900 + b"]" * 900
    for value_text in (deep, b'{"a":' * 900 + b"1" + b"}" * 900):
        payload = b'{"op":"put","key":"k","ttl":-1,"value":' + value_text + b"}"

        assert Cache(FakeClock()).answer(Request(1, "cache", payload, None)).operation == 1


FAR = (0, 1, 4096, 2**31 - 1, 2**31, 2**32 - 1)


def test_imports_refuse_what_is_not_within_the_memory(run: Stage) -> None:
    run("function onTrack(event) { return event }")
    slot = run.function("function onTrack(event) { return event }").idle[0]
    sandbox = slot.sandbox
    (context,) = (each for each, found in Sandbox.by_context.items() if found is sandbox)

    for address in FAR:
        for size in FAR:
            within = address + size <= sandbox.size
            answers = [
                sandbox_module._import_cache(context, 1, address, size),
                sandbox_module._import_fetch(context, 1, address, size, 0, 0),
                sandbox_module._import_fetch(context, 1, 0, 0, address, size),
            ]
            assert answers == [0 if within else REFUSED] * 3, (address, size)
    refused = sandbox_module._import_settings(context, sandbox.size - 1, 2**32 - 1)
    assert refused == REFUSED
    assert sandbox_module._import_settings(0, 0, 100) == REFUSED
    sandbox.requests = []


@settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(field=st.integers(0, 12), lie=st.sampled_from([0, 1, 2, 5, 6, 7, 8, 77, 2**16, 2**31, 2**32 - 1]))
def test_a_result_that_points_anywhere(field: int, lie: int) -> None:
    """The mailbox is overwritten right when the guest returns; the neighbour's sandbox does not change by a byte."""
    with Stage() as stage, pytest.MonkeyPatch.context() as patch:
        source = "async function onTrack(event) { console.log('x'); await null; return event }"
        neighbour = stage.function(source, tenant="neighbour")
        assert value(stage.invoke(neighbour)) == track(plan="free")
        before = bytes(neighbour.idle[0].sandbox.memory)
        function = stage.function(source, tenant="liar")
        stage.invoke(function)
        sandbox = function.idle[0].sandbox
        fields = Sandbox.result_fields

        def lying(self: Sandbox) -> tuple[object, ...]:
            if self is sandbox:
                where = self.mailbox + abi.RESULT_AT + field * 4
                ctypes.memmove(self.address + where, lie.to_bytes(4, "little"), 4)
            return fields(self)

        patch.setattr(Sandbox, "result_fields", lying)
        outcome = stage.invoke(function, record=False)

        assert isinstance(outcome, Outcome)
        assert outcome.cause in set(Cause)
        assert bytes(neighbour.idle[0].sandbox.memory) == before
        assert value(stage.invoke(neighbour)) == track(plan="free")


@settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    done=st.integers(0, 6) | st.sampled_from([31, 32, 2**16, 2**31, 2**32 - 1]),
    lies=st.lists(
        st.tuples(*[st.sampled_from([0, 1, 5, 6, 8, 9, 4096, 2**16, 2**24, 2**31, 2**32 - 1])] * 8),
        min_size=5,
        max_size=5,
    ),
)
def test_a_row_of_results_that_say_anything(done: int, lies: list[tuple[int, ...]]) -> None:
    """Whatever stands in a row when the guest returns: one outcome for each event, and no more than may be told."""
    with Stage() as stage, pytest.MonkeyPatch.context() as patch:
        source = "function onTrack(event) { return event }"
        function = stage.function(source, tenant="liar")
        neighbour = stage.function(source, tenant="neighbour")
        events = [orjson.dumps(track(n=n)) for n in range(6)]
        stage.loop.run(stage.executor.invoke(function, events))
        stage.invoke(neighbour)
        before = bytes(neighbour.idle[0].sandbox.memory)
        results = Sandbox.row_results
        lied = []

        def lying(self: Sandbox, count: int) -> object:
            at = self.mailbox + abi.INPUT_AT
            abi.WORD.pack_into(self.memory, at + 4, done)
            for index, lie in enumerate(lies):
                abi.ROW_RESULT.pack_into(self.memory, at + abi.ROW.size + index * abi.ROW_RESULT.size, *lie)
            lied.append(count)
            return results(self, count)

        patch.setattr(Sandbox, "row_results", lying)
        outcomes = stage.loop.run(stage.executor.invoke(function, events))

        assert lied
        assert len(outcomes) == len(events)
        for outcome in outcomes:
            assert outcome.cause in set(Cause)
            assert len(outcome.output or b"") <= max(function.limits.output_bytes, abi.DETAIL_BYTES_MAX)
            assert sum(len(line.message) for line in outcome.logs) <= function.limits.log_bytes
        assert bytes(neighbour.idle[0].sandbox.memory) == before
        assert value(stage.invoke(neighbour)) == track(plan="free")


def test_items_of_a_batch_that_tell_the_same_text_again_and_again() -> None:
    text = b"x" * 1000
    table = b"".join(abi.ITEM.pack(0, 4, len(text)) for _ in EVENTS)

    outcomes = conclude.of_items(abi.ITEM_COUNT.pack(len(EVENTS)) + table + text, EVENTS, USAGE, Limits())

    assert [outcome.cause for outcome in outcomes] == [Cause.INTERNAL] * len(EVENTS)
