"""`headgate init`: a function to start from."""

from __future__ import annotations

import importlib.resources
import sys
from pathlib import Path
from typing import Final, Literal

from headgate.cli.trouble import OK, Trouble, of_file

Template = Literal["default", "batch"]

FILES: Final = {
    "default": {
        "function.js": "default.js",
        "events.jsonl": "events.jsonl",
        "settings.json": "settings.json",
    },
    "batch": {"function.js": "batch.js", "events.jsonl": "events.jsonl", "settings.json": "settings.json"},
}
"""What each template makes, and from which file of headgate/templates."""


def run(directory: str, template: Template, *, force: bool) -> int:
    """The exit status. Raises Trouble, before anything is written, when a file is there already and not *force*."""
    target = Path(directory)
    files = FILES[template]
    there = [str(target / name) for name in files if (target / name).exists()]
    if there and not force:
        raise Trouble(f"{', '.join(there)}: already there; name another directory, or overwrite with --force")
    templates = importlib.resources.files("headgate") / "templates"
    try:
        target.mkdir(parents=True, exist_ok=True)
        for name, origin in files.items():
            (target / name).write_bytes((templates / origin).read_bytes())
    except OSError as error:
        raise of_file(error, error.filename or directory) from None
    names = [str(target / name) for name in files]
    batch = " --batch 10" if template == "batch" else ""
    print(f"wrote {', '.join(names)}", file=sys.stderr)
    print(f"try: headgate run {names[0]} {names[1]} --settings {names[2]}{batch}", file=sys.stderr)
    return OK
