"""The loop of every peer on Python, with the same lines as serve.mjs."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def events(workload: Path) -> list[str]:
    return [line.decode() for line in (workload / "events.jsonl").read_bytes().splitlines()]


def serve(texts: list[str], one: Callable[[str], str | None]) -> None:
    """Until stdin ends; *one* makes a JSON text of an event's, or None."""
    outputs: list[str | None] = []
    _answer({})
    while line := sys.stdin.readline():
        order = json.loads(line)
        if "outputs" in order:
            _answer({"outputs": outputs})
            outputs = []
        else:
            first, count = order["first"], order["count"]
            outputs = [one(texts[place % len(texts)]) for place in range(first, first + count)]
            _answer({})


def _answer(value: object) -> None:
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


def script(workload: Path, name: str) -> str:
    """Defines onTrack, settings and DropEvent."""
    source, settings = (workload / f"{name}.js").read_text(), (workload / "settings.json").read_text()
    return f"class DropEvent extends Error {{}}\n{source}\nconst settings = {settings};\n"
