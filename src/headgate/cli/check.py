"""`headgate check`: whether a function loads, which handlers it has, and what in it looks like a mistake."""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING, Final, NamedTuple

from headgate.cli.errors import IMPERFECT, OK, CommandError
from headgate.cli.limit_flags import LOADING, add_limits, limits_of
from headgate.cli.scan import Scan
from headgate.cli.terminal import printable

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from headgate.cli.scan import Definition
    from headgate_runtime import Image

HANDLERS: Final = ("onIdentify", "onTrack", "onPage", "onScreen", "onGroup", "onAlias", "onDelete")
"""The handlers of single events; `onBatch` comes beside them (SPEC 2.1)."""

_LOOKS_LIKE_HANDLER: Final = re.compile(r"on_?[A-Za-z]+", re.IGNORECASE)

_TEXT: Final = """\
Loads the function and names the handlers it has. Warns about: handlers that never return a value, names that look
like misspelt handlers, no handler at all, onBatch without single handlers, a top level that reads the clock,
randomness or the host. Handlers are judged by reading the source: one that is made by a call, such as
`onTrack = wrap(inner)`, is not judged.
"""

_EXAMPLES: Final = """\
examples:
  headgate check enrich.js

exit status:
  0  the function loads, warnings or not
  1  it does not load
  2  there is no such file
"""


class Warning(NamedTuple):  # noqa: A001 - the field's word
    line: int | None
    text: str


def add(add_command: Callable[..., argparse.ArgumentParser]) -> None:
    """Declares the command's arguments."""
    check = add_command("check", "look for mistakes in a function", _TEXT, _EXAMPLES)
    check.add_argument("function", metavar="FUNCTION", help="JavaScript or TypeScript (.ts) source")
    add_limits(check, LOADING)


def run(parsed: argparse.Namespace) -> int:
    """The exit status: IMPERFECT for a function that does not load, warnings or not OK. Raises CommandError for the file."""
    from headgate.cli import functions  # noqa: PLC0415 - help starts faster without a sandbox
    from headgate_runtime import CompileError, compile  # noqa: A004, PLC0415 - the runtime's word
    from headgate_runtime.typescript import strip  # noqa: PLC0415

    function, limits = parsed.function, limits_of(parsed)
    content = functions.read(function)
    if content.startswith(functions.WASM_MAGIC):
        raise CommandError(f"{function}: is an image already; `headgate inspect` tells what is in it")
    language = functions.language(function)
    compiled = compile(content, limits, language=language)
    if isinstance(compiled, CompileError):
        raise CommandError(functions.explain(compiled, function), IMPERFECT)
    handlers = ", ".join(compiled.handlers) or "none"
    print(f"{function}: no errors; handlers: {handlers}")
    text = content.decode("utf-8-sig") if language == "javascript" else strip(content, limits)
    if isinstance(text, CompileError):  # there was time to take the types out once, and not a second time
        raise CommandError(functions.explain(text, function), IMPERFECT)
    for warning in warnings(compiled, text):
        place = function if warning.line is None else f"{function}:{warning.line}"
        print(f"{place}: warning: {warning.text}")
    return OK


def warnings(image: Image, source: str) -> list[Warning]:
    """What looks like a mistake in *source*, which compiled to *image*; in the order of the lines."""
    found = Scan(source).definitions()
    texts = [*_silent(image, found), *_misspelt(image, found)]
    if not image.handlers:
        texts.append(
            Warning(None, "no handler: every event would be discarded; declare onTrack, for instance")
        )
    elif image.handlers == ("onBatch",):
        texts.append(
            Warning(
                None,
                "onBatch alone: with too few events for a batch the single handlers are called; add them",
            )
        )
    if image.deferred:
        texts.append(
            Warning(
                None,
                "the top level reads the clock, randomness or the host: it runs anew in every sandbox, which then "
                "starts slower; read them inside a handler",
            )
        )
    return sorted(texts, key=lambda each: each.line or 0)


def _silent(image: Image, found: list[Definition]) -> list[Warning]:
    warnings = []
    for name in image.handlers:
        own = [each for each in found if each.name == name]
        if own and not any(each.returns for each in own):
            thing = "batch" if name == "onBatch" else "event"
            text = f"{name} never returns a value: every {thing} that it does not throw for is filtered"
            warnings.append(Warning(own[-1].line, f"{text}; return the {thing}"))
    return warnings


def _misspelt(image: Image, found: list[Definition]) -> list[Warning]:
    warnings = []
    for each in found:
        if each.name in HANDLERS or each.name == "onBatch" or not _LOOKS_LIKE_HANDLER.fullmatch(each.name):
            continue
        if each.name == "onIdentity":
            taken = "is taken for it" if "onIdentify" in image.handlers else "is not called"
            warnings.append(
                Warning(each.line, f"onIdentity is a misspelling of onIdentify and {taken}; rename it")
            )
            continue
        near = _nearest(each.name)
        if near and near not in image.handlers:
            warnings.append(
                Warning(each.line, f"{printable(each.name, 40)} is no handler; {near} was meant?")
            )
    return warnings


def _nearest(name: str) -> str | None:
    known = {handler.lower(): handler for handler in (*HANDLERS, "onBatch")}
    near = difflib.get_close_matches(name.lower().replace("_", ""), known, n=1, cutoff=0.8)
    return known[near[0]] if near else None
