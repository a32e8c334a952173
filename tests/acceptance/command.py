"""The command `headgate` as people have it: a process of its own, with real files and pipes."""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
from pathlib import Path

from headgate.cli import main
from tests.acceptance import forked

ROOT = Path(__file__).resolve().parents[2]

EXAMPLES = ROOT / "examples"

ENVIRONMENT = {key: value for key, value in os.environ.items() if key not in ("NO_COLOR", "TERM", "COLUMNS")}

TRACK = '{"type":"track","event":"Read","properties":{}}\n'


def headgate(*arguments: str | Path, cwd: Path, stdin: str | bytes = b"") -> subprocess.CompletedProcess[str]:
    """Runs the command to its end. People never see a traceback, so neither does a test."""
    done = forked.run(
        *arguments,
        cwd=cwd,
        input=stdin.encode() if isinstance(stdin, str) else stdin,
        capture_output=True,
        env=ENVIRONMENT,
    )
    result = subprocess.CompletedProcess(
        done.args, done.returncode, done.stdout.decode(), done.stderr.decode()
    )
    assert "Traceback" not in result.stderr, result.stderr
    return result


def apply(manifest: Path, data: Path) -> None:
    """
    What `headgate apply --yes` does, without a process of its own: to prepare what another test is about. (The command is
    tested in test_cli_registry.)
    """
    shown = io.StringIO()
    with contextlib.redirect_stdout(shown), contextlib.redirect_stderr(shown):
        status = main(["apply", str(manifest), "--data", str(data), "--yes"])
    assert status == 0, shown.getvalue()


def write(directory: Path, **files: str) -> None:
    """Files by their name, `_js` at its end meaning `.js` and so on."""
    for name, content in files.items():
        stem, _, suffix = name.rpartition("_")
        (directory / f"{stem}.{suffix}").write_text(content)


def track(*names: str) -> str:
    return "".join(f'{{"type":"track","event":{json.dumps(name)}}}\n' for name in names)
