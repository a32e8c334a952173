"""`headgate run` on streams: endless, enormous, interrupted, closed, and in front of a person."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import subprocess
import threading
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.acceptance.command import ENVIRONMENT, TRACK, track, write
from tests.acceptance.forked import HEADGATE

MEGABYTE = 1 << 20

PASS = "onTrack = (event) => event"


def peak_bytes(content: Iterable[bytes], cwd: Path, *arguments: str) -> tuple[int, int, str]:
    """Runs `headgate run f.js` over *content*: exit status, peak resident memory, stderr. Its stdout is counted out."""
    with subprocess.Popen(
        [HEADGATE, "run", "f.js", *arguments],
        cwd=cwd,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env=ENVIRONMENT,
    ) as process:
        assert process.stdin is not None
        assert process.stderr is not None
        with process.stdin:
            for chunk in content:
                process.stdin.write(chunk)
        shown = process.stderr.read().decode()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    return process.returncode, usage.ru_maxrss << 10, shown


def test_a_large_stream_takes_no_more_memory_than_a_small_one(tmp_path: Path) -> None:
    write(tmp_path, f_js=PASS)
    event = b'{"type":"track","text":"' + b"x" * 2000 + b'"}\n'

    _, small, _ = peak_bytes([event], tmp_path)
    status, large, shown = peak_bytes((event * 100 for _ in range(500)), tmp_path)  # 100 MB

    assert status == 0
    assert "50,000 events" in shown
    assert large - small < 24 * MEGABYTE


def test_a_line_larger_than_memory_should_hold_is_never_held(tmp_path: Path) -> None:
    write(tmp_path, f_js=PASS)
    chunk = b"x" * MEGABYTE

    _, small, _ = peak_bytes([TRACK.encode()], tmp_path)
    content = (*[chunk] * 300, b"\n", TRACK.encode())
    status, large, shown = peak_bytes(content, tmp_path)

    assert status == 1
    assert shown.startswith("stdin:1: skipped: 314,572,800 bytes, more than --input-bytes 6291456\n")
    assert "1 event in" in shown
    assert large - small < 24 * MEGABYTE


def test_a_reader_who_takes_nothing_stops_the_input(tmp_path: Path) -> None:
    """What is read ahead is bounded, so an endless stream whose results nobody reads is not read to no end."""
    write(tmp_path, f_js=PASS)
    event = b'{"type":"track","text":"' + b"x" * 100_000 + b'"}\n'
    with subprocess.Popen(
        [HEADGATE, "run", "f.js"],
        cwd=tmp_path,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=ENVIRONMENT,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        taken = 0
        os.set_blocking(process.stdin.fileno(), False)
        # Five seconds in which it took nothing: it has stopped. It would have taken 200 MB else.
        while taken < 200 * MEGABYTE and select.select([], [process.stdin], [], 5)[1]:
            try:
                taken += os.write(process.stdin.fileno(), event[taken % len(event) :])
            except BlockingIOError:
                continue
        process.stdout.close()
        process.stdin.close()
        assert process.wait(60) == 141

    assert 16 * MEGABYTE < taken < 64 * MEGABYTE


def test_head_ends_it_quietly(tmp_path: Path) -> None:
    write(tmp_path, f_js=PASS)

    done = subprocess.run(
        [
            *("bash", "-c"),
            f"yes '{TRACK.strip()}' | '{HEADGATE}' run f.js | head -n 2; echo ${{PIPESTATUS[1]}}",
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        env=ENVIRONMENT,
    )

    assert done.stdout == f"{TRACK * 2}141\n"
    assert done.stderr == ""


@pytest.mark.parametrize("command", [["inspect", "f.wasm"], ["check", "f.js"]])
def test_other_commands_end_quietly_as_well(tmp_path: Path, command: list[str]) -> None:
    write(tmp_path, f_js=PASS)
    subprocess.run([HEADGATE, "build", "f.js", "-o", "f.wasm"], cwd=tmp_path, check=True, capture_output=True)
    read, wrote = os.pipe()
    os.close(read)

    done = subprocess.run(
        [HEADGATE, *command], cwd=tmp_path, stdout=wrote, stderr=subprocess.PIPE, check=False
    )
    os.close(wrote)

    assert done.stderr == b""
    assert done.returncode == 141


@pytest.mark.parametrize(
    ("redirections", "status", "shown", "said"),
    [
        ("> /dev/full", 2, "", "headgate: stdout: no space left on device\n"),
        (">&-", 0, "", "headgate: 1 event in "),
        ("2>&-", 0, TRACK, ""),
        ("<&-", 0, "", "headgate: 0 events in "),
        ("< /dev/null", 0, "", "headgate: 0 events in "),
    ],
)
def test_standard_streams_that_are_full_or_closed(
    tmp_path: Path, redirections: str, status: int, shown: str, said: str
) -> None:
    write(tmp_path, f_js=PASS)

    done = subprocess.run(
        ["bash", "-c", f"'{HEADGATE}' run f.js {redirections}"],
        cwd=tmp_path,
        input=TRACK,
        capture_output=True,
        text=True,
        check=False,
        env=ENVIRONMENT,
    )

    assert (done.returncode, done.stdout) == (status, shown)
    assert done.stderr.startswith(said)
    assert len(done.stderr.splitlines()) == (1 if said else 0)


def test_a_disk_that_is_full_is_named(tmp_path: Path) -> None:
    write(tmp_path, f_js=PASS)

    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [HEADGATE, "check", "f.js"], cwd=tmp_path, stdout=full, stderr=subprocess.PIPE, check=False
        )

    assert (done.returncode, done.stderr) == (2, b"headgate: stdout: no space left on device\n")


def start(tmp_path: Path, *arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [HEADGATE, "run", "f.js", *arguments],
        cwd=tmp_path,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=ENVIRONMENT,
    )


@pytest.mark.parametrize(
    "ending", ["", "return event", "for (;;);", "return new Promise((done) => setTimeout(done, 60000))"]
)
def test_an_interrupt_ends_it_with_the_summary(tmp_path: Path, ending: str) -> None:
    """Whether it waits for input, is at work, or waits for a function: what was done is told, and shown."""
    write(tmp_path, f_js=f"function onTrack(event) {{ if (event.event === 'first') return event; {ending} }}")
    with start(tmp_path, "--time-ms", "60000", "--fuel", "1000000000000000") as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdin.write(track("first", *(["second"] if ending else [])).encode())
        process.stdin.flush()
        shown = process.stdout.readline()
        process.send_signal(signal.SIGINT)
        status = process.wait(30)
        summary = process.stderr.read().decode()

    assert shown.decode() == track("first")
    assert status == 130
    assert re.match(r"headgate: [12] events? in \d+\.\d\d s: [12] forwarded", summary)
    assert re.search(r"\nheadgate: interrupted after line [12] of stdin\n$", summary)


def test_results_come_as_soon_as_they_are_there(tmp_path: Path) -> None:
    """No line waits for the next one: `tail -f | headgate run` is of use."""
    write(tmp_path, f_js=PASS)
    with start(tmp_path) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for _ in range(3):
            process.stdin.write(TRACK.encode())
            process.stdin.flush()
            assert process.stdout.readline().decode() == TRACK
        process.stdin.close()
        assert process.wait(30) == 0


def on_terminal(tmp_path: Path, *arguments: str, stdout: int | None = None, **environment: str) -> str:
    """What a person sees of stderr, and of stdout unless it goes to a file."""
    terminal, side = pty.openpty()
    process = subprocess.Popen(
        [HEADGATE, *arguments],
        cwd=tmp_path,
        stdin=side,
        stdout=side if stdout is None else stdout,
        stderr=side,
        env=ENVIRONMENT | {"TERM": "xterm"} | environment,
    )
    os.close(side)
    seen: list[bytes] = []

    def read() -> None:
        try:
            while chunk := os.read(terminal, 65_536):
                seen.append(chunk)
        except OSError:  # how a terminal ends on Linux
            return

    reader = threading.Thread(target=read)
    reader.start()
    process.wait(60)
    reader.join(10)
    os.close(terminal)
    return b"".join(seen).decode().replace("\r\n", "\n")


FAILING = """\
async function onTrack(event) {
  if (event.event === 'slow') await new Promise((done) => setTimeout(done, 500));
  if (event.event === 'bad') throw new ValidationError('no \\x1b[31mprice');
  return event.event === 'drop' ? null : event;
}
"""


def test_a_terminal_gets_a_table_in_colour(tmp_path: Path) -> None:
    write(tmp_path, f_js=FAILING, e_jsonl=track("good", "bad", "drop", "bad") + "{\n")

    seen = on_terminal(tmp_path, "run", "f.js", "e.jsonl")

    assert "e.jsonl:5: skipped: not JSON" in seen
    assert "\x1b[1m4 events in " in seen
    plain = re.sub(r"\x1b\[[\d;]*m", "", seen)
    rows = plain[plain.index("4 events in") :].splitlines()
    assert [" ".join(row.split()) for row in rows[1:8]] == [
        "forwarded 1",
        "filtered 1",
        (
            "1 Filtered at insert function: the handler returned nothing: the event will not reach the destination "
            "(first: line 3)"
        ),
        "discarded 2",
        "2 Message Rejected: ValidationError: no \N{REPLACEMENT CHARACTER}[31mprice (first: line 2)",
        "left for retry 0",
        "malformed 1 (first: line 5)",
    ]
    assert rows[8].split()[:3] == ["fuel", "per", "call"]


def test_no_color_is_honoured(tmp_path: Path) -> None:
    write(tmp_path, f_js=FAILING, e_jsonl=track("good", "bad"))

    seen = on_terminal(tmp_path, "run", "f.js", "e.jsonl", NO_COLOR="1")

    assert "2 events in " in seen
    assert "\x1b[" not in seen


def test_a_bar_is_drawn_when_the_events_go_to_a_file_and_is_gone_at_the_end(tmp_path: Path) -> None:
    write(tmp_path, f_js=FAILING, e_jsonl=track("good", "slow"))
    with (tmp_path / "out").open("wb") as out:
        seen = on_terminal(tmp_path, "run", "f.js", "e.jsonl", stdout=out.fileno())

    assert "━" in seen
    assert re.search(r" 49%| 50%| 51%", seen)
    assert re.search(r"\r\x1b\[K\x1b\[1m2 events in", seen)
    assert (tmp_path / "out").read_text() == track("good", "slow")


def test_a_terminal_is_not_waited_for_as_a_source_of_events(tmp_path: Path) -> None:
    write(tmp_path, f_js=PASS)

    seen = on_terminal(tmp_path, "run", "f.js")

    assert seen == "headgate: no events: name a file of events, one JSON object a line, or pipe them in\n"
