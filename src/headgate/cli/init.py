"""`headgate init`: a function to start from."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final, Literal

from headgate.cli.trouble import OK, Trouble, of_file

Template = Literal["default", "batch"]

TEMPLATES: Final[tuple[Template, ...]] = ("default", "batch")


def contents(template: Template, *, typescript: bool) -> dict[str, bytes]:
    """Each file that is made, by its place below the directory; the function comes first. Raises GuestMissing."""
    import importlib.resources  # noqa: PLC0415 - the grammar of all commands needs TEMPLATES

    from headgate_runtime.typescript import declarations  # noqa: PLC0415

    language = "ts" if typescript else "js"
    origins = {
        f"function.{language}": f"{template}.{language}",
        "events.jsonl": "events.jsonl",
        "settings.json": "settings.json",
    }
    if typescript:
        origins["tsconfig.json"] = "tsconfig.json"
    templates = importlib.resources.files("headgate") / "templates"
    files = {place: (templates / origin).read_bytes() for place, origin in origins.items()}
    if typescript:
        files |= {f"types/{name}": text for name, text in declarations().items()}
    return files


def run(directory: str, template: Template, *, typescript: bool, force: bool) -> int:
    """The exit status. Raises Trouble, before anything is written, when a file is there already and not *force*."""
    target = Path(directory)
    files = contents(template, typescript=typescript)
    there = [str(target / place) for place in files if (target / place).exists()]
    if there and not force:
        raise Trouble(f"{', '.join(there)}: already there; name another directory, or overwrite with --force")
    try:
        target.mkdir(parents=True, exist_ok=True)
        for place, content in files.items():
            (target / place).parent.mkdir(exist_ok=True)
            (target / place).write_bytes(content)
    except OSError as error:
        raise of_file(error, error.filename or directory) from None
    names = [str(target / place) for place in files]
    batch = " --batch 10" if template == "batch" else ""
    print(f"wrote {', '.join(names)}", file=sys.stderr)
    print(f"try: headgate run {names[0]} {names[1]} --settings {names[2]}{batch}", file=sys.stderr)
    return OK
