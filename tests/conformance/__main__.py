"""
Runs the suites whole, on all processors, and says what did otherwise than gaps.json has it.

    python -m tests.conformance [WORD ...]        tests whose names contain one of the words, or all
    python -m tests.conformance --table           writes the tables of guest/CONFORMANCE.md anew; runs nothing
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import time

from tests.conformance import document, gaps

CHUNK = 50


def main() -> int:
    """Exit status 1 when there were surprises."""
    parser = argparse.ArgumentParser(prog="python -m tests.conformance", description=__doc__)
    parser.add_argument("words", nargs="*", metavar="WORD")
    parser.add_argument("--table", action="store_true")
    options = parser.parse_args()
    if options.table:
        document.PATH.write_text(document.renewed())
        return 0
    started = time.monotonic()
    work = _chunks(options.words)
    total = sum(len(tests) for _, tests in work)
    done, wrong = 0, 0
    with multiprocessing.get_context("spawn").Pool() as pool:
        for suite, count, found in pool.imap_unordered(gaps.run, work):
            done, wrong = done + count, wrong + len(found)
            _clear()
            for test, message in found:
                print(f"{suite} {test}: {message}", flush=True)
            _progress(f"{done:,} of {total:,} tests, {wrong:,} surprises", last=done == total)
    print(f"{done} tests, {wrong} surprises, {time.monotonic() - started:.0f} s")
    return 1 if wrong or not done else 0


def _progress(line: str, *, last: bool) -> None:
    """One line that is written over and over on a terminal; elsewhere none, for the end says it."""
    if sys.stderr.isatty():
        print(line, end="\n" if last else "", file=sys.stderr, flush=True)


def _clear() -> None:
    if sys.stderr.isatty():
        print("\r\x1b[K", end="", file=sys.stderr, flush=True)


def _chunks(words: list[str]) -> list[tuple[str, list[str]]]:
    chunks = []
    for suite, module in gaps.SUITES.items():
        tests = [
            test for test in module.names() if not words or any(word in f"{suite} {test}" for word in words)
        ]
        chunks += [(suite, tests[at : at + CHUNK]) for at in range(0, len(tests), CHUNK)]
    return chunks


if __name__ == "__main__":
    sys.exit(main())
