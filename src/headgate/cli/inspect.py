"""`headgate inspect`: what an image file holds."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from headgate.cli.errors import OK, CommandError
from headgate_runtime import wasm
from headgate_runtime.errors import ImageError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from headgate_runtime import Image

SECTIONS: Final = {
    0: "custom",
    1: "type",
    2: "import",
    3: "function",
    4: "table",
    5: "memory",
    6: "global",
    7: "export",
    8: "start",
    9: "element",
    10: "code",
    11: "data",
    12: "data count",
}
"""Names of the sections of a Wasm module by their id."""

_EXAMPLES: Final = """\
examples:
  headgate build enrich.js -o enrich.wasm && headgate inspect enrich.wasm
  headgate inspect enrich.wasm --json
"""


def add(add_command: Callable[..., argparse.ArgumentParser]) -> None:
    """Declares the command's arguments."""
    inspect = add_command("inspect", "tell what an image holds", None, _EXAMPLES)
    inspect.add_argument("image", metavar="FILE.wasm", help="an image made by `headgate build`")
    inspect.add_argument("--json", action="store_true", help="as a JSON object")


def run(parsed: argparse.Namespace) -> int:
    """The exit status. Raises CommandError for a file that is no image."""
    from headgate.cli import functions  # noqa: PLC0415 - help starts faster without a sandbox
    from headgate_runtime import Image  # noqa: PLC0415

    name = parsed.image
    content = functions.read(name)
    try:
        image = Image(content)
    except ImageError as error:
        hint = "" if content.startswith(functions.WASM_MAGIC) else "; `headgate build` makes one from source"
        raise CommandError(f"{name}: {error}{hint}") from None
    facts = describe(image)
    print(json.dumps(facts, indent=2) if parsed.json else _table(facts))
    return OK


def describe(image: Image) -> dict[str, object]:
    """What --json prints. Sizes in bytes, memory in pages of 64 KiB, digests are sha256 in hex."""
    try:
        _ = image.compiled
    except ImageError:
        runs = False
    else:
        runs = True
    return {
        "handlers": list(image.handlers),
        "digest": image.digest,
        "source": image.source,
        "abi": image.abi,
        "engine": image.engine,
        "runsHere": runs,
        "size": image.size,
        "deferred": image.deferred,
        "memoryPages": image.memory_bytes // wasm.PAGE_BYTES,
        "segments": len(image.segments),
        "sections": [
            {"name": _name(part), "size": len(part.payload)} for part in wasm.sections(image.module)
        ],
    }


def _name(part: wasm.Section) -> str:
    return SECTIONS.get(part.id, f"unknown {part.id}")


def _table(facts: dict[str, object]) -> str:
    words = {
        "handlers": ", ".join(str(each) for each in _list(facts["handlers"])) or "none",
        "digest": f"sha256 {facts['digest']}",
        "source": f"sha256 {facts['source']}",
        "ABI": f"version {facts['abi']}",
        "engine": f"sha256 {facts['engine']}{'' if facts['runsHere'] else '  (another build: cannot run here)'}",
        "size": f"{facts['size']:,} bytes",
        "deferred": "yes: the top level runs in every new sandbox" if facts["deferred"] else "no",
        "memory": f"{facts['memoryPages']} pages of 64 KiB, {facts['segments']:,} segments with content",
        "sections": ", ".join(f"{part['name']} {part['size']:,}" for part in _list(facts["sections"])),
    }
    return "\n".join(f"{name:<10}{text}" for name, text in words.items())


def _list(value: object) -> list[dict[str, object]]:
    assert isinstance(value, list)
    return value
