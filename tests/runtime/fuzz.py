"""
Random functions on random events, the whole way: source text to image, event to outcome. Whatever goes in, what comes
out is an image or a CompileError, an outcome or an EventError, and everything is given back.

    python -m tests.runtime.fuzz --minutes 60

runs for long, each round with fresh luck; a failure prints the smallest example that hypothesis could find.
"""

from __future__ import annotations

import argparse
import gc
import os
import sys
import time
from dataclasses import dataclass
from typing import Any, Literal

import orjson
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headgate_runtime import CompileError, EventError, Outcome
from tests.hostile.assault import check_bounds
from tests.runtime.fakes import FakeClock, Host
from tests.runtime.programs import events, json_values, programs
from tests.stage import Stage, compiled

FUEL = 15_000_000

TOKENS = [
    *(
        "{",
        "}",
        "(",
        ")",
        "[",
        "]",
        "`",
        "'",
        '"',
        "${",
        "//",
        "/*",
        "*/",
        ";",
        ",",
        "\\",
        "\n",
        "\u2028",
        "\ufeff",
    ),
    *(
        "}), (function(){",
        "await ",
        "yield ",
        "return ",
        "throw ",
        "new ",
        "delete ",
        "typeof ",
        "super.",
        "import(",
    ),
    *(
        "async ",
        "function* ",
        "class ",
        "static ",
        "#x",
        "?.",
        "??=",
        "=>",
        "...",
        "**",
        ">>>",
        "<!--",
        "@",
        "\\u{0}",
    ),
    *("arguments", "this", "globalThis", "window", "eval", "Function", "Proxy", "Reflect", "Symbol.iterator"),
    *("event", "settings", "onTrack", "onBatch", "onIdentity", "toJSON", "then", "__proto__", "constructor"),
    *("Array(1e9)", "'x'.repeat(1e9)", "for(;;);", "while(1)", "x=>x(x)", "/(a+)+$/", "1n", "0n**-1n", "NaN"),
    *(
        "setTimeout(onTrack)",
        "console.log(globalThis)",
        "fetch(event)",
        "cache.load('k',1,onTrack)",
        "\x00",
        "\ud800",
    ),
    *(
        "structuredClone(globalThis)",
        "Object.freeze(globalThis)",
        "delete globalThis.Promise",
        "JSON.parse('[')",
    ),
    *(
        "Object.prototype.toJSON=",
        "Array.prototype[0]=",
        "Promise.prototype.then=",
        "Error.prepareStackTrace=",
    ),
    *(
        "new Proxy(event,{})",
        "Buffer.alloc(9)",
        "new URL('http://a')",
        "zlib.zlib.gzipSync",
        "crypto.createHash",
    ),
]

Mutation = tuple[Literal["cut", "copy", "insert", "replace"], float, float, str]

mutations: st.SearchStrategy[list[Mutation]] = st.lists(
    st.tuples(
        st.sampled_from(["cut", "copy", "insert", "replace"]),
        st.floats(0, 1),
        st.floats(0, 1),
        st.sampled_from(TOKENS) | st.text(max_size=4),
    ),
    min_size=1,
    max_size=3,
)


def mutate(text: str, changes: list[Mutation]) -> str:
    for kind, start, length, token in changes:
        at = int(start * len(text))
        to = min(len(text), at + int(length * 40))
        middle = {"cut": "", "copy": text[at:to] * 2, "insert": token + text[at:to], "replace": token}[kind]
        text = text[:at] + middle + text[to:]
    return text


sources = st.one_of(
    programs(host=True),
    programs(host=True),
    programs(host=True, ends=["return event"]),
    programs(host=True, ends=["return event"]).map(
        lambda text: text.replace("onTrack(event,", "onBatch([event],")
    ),
    st.builds(mutate, programs(host=True), mutations),
    st.lists(st.sampled_from(TOKENS), max_size=12).map(" ".join),
    st.text(max_size=60),
    st.binary(max_size=60),
)

texts = events.map(orjson.dumps)

raw_events = st.one_of(
    events,
    texts,
    st.builds(
        lambda text, changes: mutate(text.decode(), changes).encode("utf-8", "replace"), texts, mutations
    ),
    st.builds(
        lambda text, at, byte: text[: int(at * len(text))] + byte + text[int(at * len(text)) :],
        texts,
        st.floats(0, 1),
        st.binary(max_size=3),
    ),
    st.binary(max_size=40),
    st.sampled_from(
        [
            b"",
            b"{",
            b"{}",
            b"[]",
            b"null",
            b"[" * 3000,
            b'{"type":' * 3000,
            b'{"type":"track"}{}',
            b'{"type":"track","a":1e999}',
        ]
    ),
)


@dataclass(frozen=True)
class Case:
    source: str | bytes
    events: list[Any]
    settings: dict[str, Any]
    isolation: Literal["warm", "hermetic"]
    batch: bool
    limits: dict[str, int]


cases = st.builds(
    Case,
    source=sources,
    events=st.lists(raw_events, min_size=1, max_size=3),
    settings=st.dictionaries(st.text(max_size=3), json_values, max_size=2),
    isolation=st.sampled_from(["warm", "hermetic"]),
    batch=st.booleans(),
    limits=st.fixed_dictionaries(
        {"fuel": st.just(FUEL), "memory_bytes": st.just(12 << 20)},
        optional={
            "output_bytes": st.integers(2, 200),
            "log_lines": st.integers(0, 3),
            "log_bytes": st.integers(0, 100),
            "operations": st.integers(0, 2),
            "timers": st.integers(0, 2),
            "stack_bytes": st.integers(64 << 10, 100 << 10),
        },
    ),
)


def run_case(case: Case) -> list[str]:
    """Runs a case and gives what its events came to, in a word each. Fails when anything is not as promised."""
    limits: dict[str, Any] = case.limits
    with Stage(clock=FakeClock(tick_ms=0.01), fetch=Host(lambda url: url.encode())) as stage:
        image = stage.compile(case.source, **limits)
        if isinstance(image, CompileError):
            assert image.kind in {"syntax", "throw", "limit"}
            assert image.message
            assert "sandbox" not in image.message, image
            str(image).encode()
            return [image.kind]
        function = stage.function(case.source, case.settings, isolation=case.isolation, **limits)
        words = []
        for given_events in [case.events] if case.batch else case.events:
            try:
                came: Outcome | list[Outcome] = stage.loop.run(stage.executor.invoke(function, given_events))
            except EventError:
                words.append("refused")
                continue
            outcomes = came if isinstance(came, list) else [came]
            for outcome in outcomes:
                check_bounds(outcome, function)
                check_text(outcome)
                words.append(outcome.outcome)
        assert stage.executor.live <= 1
        return words


def check_text(outcome: Outcome) -> None:
    """All of it can be written down."""
    for text in (
        outcome.error_name,
        outcome.message,
        outcome.stack,
        *(line.message for line in outcome.logs),
    ):
        assert text is None or text.encode() is not None
    if outcome.output is not None:
        assert outcome.output.startswith(b"{")
        outcome.output.decode()


def open_files() -> int:
    """File descriptors of this process, the one that counts them included."""
    compiled.cache_clear()  # each image holds one
    gc.collect()
    return len(os.listdir("/dev/fd"))  # noqa: PTH208 - a Path would need one more


def fuzz_round(examples: int, *, derandomize: bool, counts: dict[str, int]) -> None:
    """*examples* random cases. Raises what hypothesis raises when one of them fails."""

    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=derandomize,
        suppress_health_check=list(HealthCheck),
    )
    @given(cases)
    def each(case: Case) -> None:
        for word in run_case(case):
            counts[word] = counts.get(word, 0) + 1

    each()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.runtime.fuzz", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0, help="how long (default: 10)")
    minutes = parser.parse_args().minutes
    end = time.monotonic() + minutes * 60
    counts: dict[str, int] = {}
    before = open_files()
    while time.monotonic() < end:
        fuzz_round(200, derandomize=False, counts=counts)
        # What is loaded once and kept (libraries, the kernel's page map) may hold some; a leak holds one per case.
        assert open_files() < before + 50, "file descriptors are left open"
        print(f"{max(0.0, end - time.monotonic()):.0f} s left: {counts}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
