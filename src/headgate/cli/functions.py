"""The FUNCTION argument: JavaScript or TypeScript source, or an image that `headgate build` made."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from headgate.cli.errors import CommandError, file_error
from headgate.cli.terminal import printable
from headgate_runtime import CompileError, Image, ImageError, compile  # noqa: A004 - the runtime's word

if TYPE_CHECKING:
    from headgate_runtime import Limits

TYPESCRIPT: Final = ".ts"
"""What the name of a file in TypeScript ends with; any other source is JavaScript."""

WASM_MAGIC: Final = b"\0asm"

_EXCERPT: Final = 60
"""Characters of the offending line shown on either side of the caret."""


def read(name: str) -> bytes:
    """Raises CommandError for a file that cannot be read."""
    try:
        return Path(name).read_bytes()
    except OSError as error:
        raise file_error(error, name) from None


def load(name: str, limits: Limits | None = None) -> Image:
    """The image of the function in file *name*. Raises CommandError, with the offending line where there is one."""
    content = read(name)
    if content.startswith(WASM_MAGIC):
        return load_image(name, content)
    compiled = compile(content, limits, language=language(name))
    if isinstance(compiled, CompileError):
        raise CommandError(explain(compiled, name))
    return compiled


def language(name: str) -> Literal["javascript", "typescript"]:
    return "typescript" if name.lower().endswith(TYPESCRIPT) else "javascript"


def load_image(name: str, content: bytes) -> Image:
    try:
        image = Image(content)
        _ = image.compiled  # an image of another engine is refused here
    except ImageError as error:
        raise CommandError(f"{name}: {error}") from None
    return image


def explain(error: CompileError, name: str) -> str:
    """*error* for people: file, line and column, the line itself, and a caret under the place."""
    what = f"{error.error_name}: {error.message}" if error.error_name else error.message
    what = printable(what)
    if error.kind == "throw":
        what += " (thrown while the file was loaded)"
    if error.line is None:
        return f"{name}: {what}"
    row, column = error.line, error.column or 1
    text = error.source_line or ""
    start = max(0, column - 1 - _EXCERPT)
    before = text[start : column - 1]
    shown = "".join(
        char if char.isprintable() or char == "\t" else " " for char in text[start : column - 1 + _EXCERPT]
    )
    caret = "".join("\t" if char == "\t" else " " for char in before)
    return f"{name}:{row}:{column}: {what}\n    {shown}\n    {caret}^"
