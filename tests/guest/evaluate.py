"""
Runs snippets of JavaScript in a real sandbox, without an executor: the clock is ours and jumps to the next timer, so
that no test waits. Hermetic snippets get a fresh sandbox each, with the host's cache kept between them.
"""

from __future__ import annotations

import functools
import struct
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from headgate_runtime import abi
from headgate_runtime.compiler import compile as compile_function
from headgate_runtime.image import Image
from headgate_runtime.limits import Limits
from headgate_runtime.outcome import LogLine
from headgate_runtime.sandbox import Answer, Sandbox

if TYPE_CHECKING:
    from collections.abc import Mapping

SOURCE = """
const AsyncFunction = (async () => {}).constructor
async function onTrack(event, settings) {
  event.value = await new AsyncFunction('event', event.code)(event)
  return event
}
async function onBatch(events, settings) {
  return new AsyncFunction('events', settings.code)(events)
}
"""

LOG_LINE = struct.Struct("<BI")

START_MS = 1_700_000_000_000.0

STEPS_MAX = 10_000
"""Entries of one invocation; a snippet that needs more does not end."""


class Thrown(NamedTuple):
    """What hooks.describe said of an error that escaped."""

    known: str | None
    name: str | None
    message: str
    stack: str | None


class Result(NamedTuple):
    """*value* is what the snippet returned, as JSON has it; *thrown* what escaped from it."""

    kind: abi.Kind
    value: Any
    thrown: Thrown | None
    logs: tuple[LogLine, ...]

    @property
    def lines(self) -> list[str]:
        return [line.message for line in self.logs]


class Item(NamedTuple):
    """One event of a batch."""

    kind: abi.Item
    output: Any
    message: str | None


class Batch(NamedTuple):
    items: list[Item]
    logs: tuple[LogLine, ...]

    @property
    def kinds(self) -> list[abi.Item]:
        return [item.kind for item in self.items]


@functools.cache
def image() -> Image:
    compiled = compile_function(SOURCE)
    assert isinstance(compiled, Image), compiled
    return compiled


class Host:
    """The sandbox's clock and cache."""

    def __init__(self, limits: Mapping[str, int], settings: bytes) -> None:
        self.limits = Limits(**limits)
        self.settings = settings
        self.now_ms = START_MS
        self.cache: dict[str, tuple[Any, float]] = {}

    def sandbox(self) -> Sandbox:
        return Sandbox(image().compiled, self.limits, image().mailbox, self.settings)

    def invoke(self, sandbox: Sandbox, content: bytes, flags: abi.Flag) -> abi.Status:
        sandbox.set_fuel(self.limits.fuel)
        status = self._enter(sandbox, "invoke", content, flags)
        for _ in range(STEPS_MAX):
            if status is not abi.Status.PENDING:
                break
            answers = [self._answer(request) for request in sandbox.requests]
            sandbox.requests.clear()
            if not answers:
                self.now_ms = max(self.now_ms, sandbox.result().due_ms)
            status = self._enter(sandbox, "resume", b"".join(map(_packed, answers)), flags)
        assert status is not abi.Status.PENDING, "the snippet does not end"
        return status

    def _enter(self, sandbox: Sandbox, name: str, content: bytes, flags: abi.Flag) -> abi.Status:
        assert sandbox.write_input(content, self.now_ms, self.now_ms - START_MS, bytes(range(32)), flags)
        function = sandbox.start(name)
        while not sandbox.step(function):
            pass
        assert function.trap is None, function.trap
        return abi.Status(function.result)

    def _answer(self, request: Any) -> Answer:
        asked = orjson.loads(request.payload)
        assert request.kind == "cache"
        key, answer = asked["key"], b""
        if asked["op"] == "get":
            value, expires = self.cache.get(key, (None, 0.0))
            answer = orjson.dumps({"hit": expires > self.now_ms, "value": value})
        elif asked["op"] == "put":
            ttl = asked["ttl"]
            self.cache[key] = (asked["value"], float("inf") if ttl == -1 else self.now_ms + ttl)
        else:
            self.cache.pop(key, None)
        return Answer(request.operation, 0, answer)


class Evaluate:
    """`evaluate(code)` runs the body of an async function; `evaluate(first, second)` gives what the last one came to."""

    def __call__(self, *codes: str, isolation: str = "warm", **limits: int) -> Result:
        return self.all(*codes, isolation=isolation, **limits)[-1]

    def all(self, *codes: str, isolation: str = "warm", **limits: int) -> list[Result]:
        """One invocation after the other; `event.n` counts them."""
        host = Host(limits, b"{}")
        hermetic = isolation == "hermetic"
        flags = abi.Flag.HERMETIC if hermetic else abi.Flag(0)
        sandbox = host.sandbox()
        results = []
        try:
            for number, code in enumerate(codes):
                if hermetic and number:
                    sandbox.close()
                    sandbox = host.sandbox()
                event = {"type": "track", "messageId": f"m{number}", "n": number, "code": code}
                host.invoke(sandbox, orjson.dumps(event), flags)
                results.append(_result(sandbox))
                if sandbox.result().leftover and not hermetic:
                    sandbox.call("drain")
        finally:
            sandbox.close()
        return results

    def batch(self, code: str, count: int, message_id: str | None = None) -> Batch:
        """Runs the body of an onBatch over *count* events, whose ids are m0, m1, ... or all *message_id*."""
        events = [
            {"type": "track", "messageId": message_id or f"m{i}", "properties": {"i": i}}
            for i in range(count)
        ]
        host = Host({}, orjson.dumps({"code": code}))
        sandbox = host.sandbox()
        try:
            host.invoke(sandbox, orjson.dumps(events), abi.Flag.BATCH)
            return Batch(_items(sandbox, count), _logs(sandbox))
        finally:
            sandbox.close()


def _packed(answer: Answer) -> bytes:
    head = abi.ANSWER.pack(answer.operation, answer.status, len(answer.payload), abi.NO_BODY)
    return head + answer.payload


def _output(sandbox: Sandbox) -> bytes:
    result = sandbox.result()
    return sandbox.read(result.output_ptr, result.output_len)


def _logs(sandbox: Sandbox) -> tuple[LogLine, ...]:
    result = sandbox.result()
    text = sandbox.read(result.log_ptr, result.log_len)
    lines, at = [], 0
    while at < len(text):
        level, size = LOG_LINE.unpack_from(text, at)
        at += LOG_LINE.size + size
        lines.append(LogLine(abi.LEVELS[level], text[at - size : at].decode(errors="surrogatepass")))
    return tuple(lines)


def _result(sandbox: Sandbox) -> Result:
    kind = abi.Kind(sandbox.result().outcome)
    output = _output(sandbox)
    thrown = Thrown(*orjson.loads(output)) if kind is abi.Kind.THROWN else None
    value = orjson.loads(output).get("value") if kind is abi.Kind.FORWARD else None
    return Result(kind, value, thrown, _logs(sandbox))


def _items(sandbox: Sandbox, count: int) -> list[Item]:
    kind = abi.Kind(sandbox.result().outcome)
    output = _output(sandbox)
    if kind is abi.Kind.EMPTY:
        return [Item(abi.Item.FILTERED, None, None)] * count
    if kind is abi.Kind.BAD_RETURN:
        return [Item(abi.Item.BAD_RETURN, None, output.decode())] * count
    if kind is abi.Kind.THROWN:
        return [Item(abi.Item.THROWN, None, orjson.loads(output)[2])] * count
    assert kind is abi.Kind.ITEMS, (kind, output)
    (total,) = struct.unpack_from("<I", output)
    assert total == count
    items = []
    for number in range(count):
        code, at, size = abi.ITEM.unpack_from(output, 4 + number * abi.ITEM.size)
        body = output[at : at + size]
        forwarded = abi.Item(code) is abi.Item.FORWARD
        items.append(
            Item(
                abi.Item(code),
                orjson.loads(body) if forwarded else None,
                None if forwarded else body.decode() or None,
            )
        )
    return items
