"""What a command does not need it does not import: most of the time that a start takes goes into importing."""

from __future__ import annotations

import subprocess
import sys

import pytest

SLOW = {
    "alembic",
    "fastapi",
    "httpcore",
    "httpx",
    "pydantic",
    "sqlalchemy",
    "starlette",
    "uvicorn",
    "wasmtime",
}
"""Packages that take long to import."""


@pytest.mark.parametrize(
    ("code", "needed"),
    [
        ("import headgate.cli, headgate_runtime", set()),
        ("from headgate.cli import arguments; arguments.parse(['token', 'list'])", set()),
        ("from headgate.cli import arguments; arguments.parse(['serve'])", set()),
        ("from headgate.cli import arguments; arguments.parse(['run', 'f.js'])", set()),
        ("from headgate.cli import arguments; arguments._parser('')", set()),
        ("import headgate.registry.store", {"sqlalchemy"}),
        ("from headgate_runtime import Executor", {"wasmtime"}),
        ("import headgate.service.supervisor", {"pydantic", "sqlalchemy", "uvicorn", "wasmtime"}),
    ],
)
def test_only_what_is_needed_is_imported(code: str, needed: set[str]) -> None:
    script = f"{code}\nimport sys\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert set(done.stdout.split()) & SLOW == needed
