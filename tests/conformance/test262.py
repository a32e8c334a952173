"""test262, the conformance tests of ECMAScript, as its INTERPRETING.md has them run."""

from __future__ import annotations

import functools
import json
import re
import textwrap
from typing import Literal, NamedTuple

from tests.conformance import packages
from tests.conformance.realm import Failure, Realm

PACKAGE = "@gerhobbelt/test262"

AREAS = ("language", "built-ins", "annexB", "intl402")
"""Folders of tests; what else there is are tests of the suite itself."""

EVALUATED = ("built-ins/Function/prototype/toString/", "language/expressions/tagged-template/")
"""
Tests that ask for the source text of functions or for frozen template objects. The engine's own scripts go through
bytecode, which carries neither; these are given to `eval` instead, as users' sources are given to the parser.
"""

COMPLETE = "Test262:AsyncTestComplete"

_FRONT = re.compile(r"/\*---(.*?)---\*/", re.DOTALL)

Mode = Literal["sloppy", "strict", "raw"]


class Front(NamedTuple):
    """The front matter of a test. *negative*: the phase and the name of the error that the test must end with."""

    flags: frozenset[str]
    includes: tuple[str, ...]
    negative: tuple[str, str] | None

    @property
    def modes(self) -> tuple[Mode, ...]:
        if "raw" in self.flags:
            return ("raw",)
        if "noStrict" in self.flags:
            return ("sloppy",)
        return ("strict",) if "onlyStrict" in self.flags else ("sloppy", "strict")


@functools.cache
def names() -> list[str]:
    """Every test, such as "language/types/null/S8.2_A1_T1.js"."""
    root = f"{PACKAGE}/test/"
    found = [name.removeprefix(root) for name in packages.archive().namelist() if name.startswith(root)]
    return sorted(
        name for name in found if name.partition("/")[0] in AREAS and not name.endswith("_FIXTURE.js")
    )


def source(name: str) -> str:
    return packages.text(f"{PACKAGE}/test/{name}")


def front(text: str) -> Front:
    """The front matter of the test *text*: so much of YAML as test262 uses."""
    found = _FRONT.search(text)
    matter = textwrap.dedent(re.sub(r"\r\n?", "\n", found[1])) if found else ""
    negative = re.search(r"^negative: *\n((?:[ \t]+.*\n?)+)", matter, re.MULTILINE)
    outcome = dict(re.findall(r"(phase|type): *(\S+)", negative[1])) if negative else None
    return Front(
        frozenset(_listed(matter, "flags")),
        tuple(_listed(matter, "includes")),
        (outcome["phase"], outcome["type"]) if outcome else None,
    )


def _listed(matter: str, key: str) -> list[str]:
    found = re.search(rf"^{key}:(.*?)(?=^\S|\Z)", matter, re.DOTALL | re.MULTILINE)
    return re.findall(r"[^\s,\[\]-][^\s,\[\]]*", found[1]) if found else []


def problem(name: str) -> str | None:
    """What is wrong with the outcome of a test in the first mode that fails; None when it passes in all."""
    text = source(name)
    matter = front(text)
    for mode in matter.modes:
        found = _problem(name, text, matter, mode)
        if found is not None:
            return f"{mode}: {found}"
    return None


def _problem(name: str, text: str, matter: Front, mode: Mode) -> str | None:
    script = f'"use strict";\n{text}' if mode == "strict" else text
    if name.startswith(EVALUATED):
        script = f"(0, eval)({json.dumps(script)})"
    is_async = "async" in matter.flags
    includes = ("doneprintHandle.js", *matter.includes) if is_async else matter.includes
    files = () if mode == "raw" else tuple(dict.fromkeys(("assert.js", "sta.js", *includes)))
    realm = _realm(files, name.startswith("intl402/"))
    failure = realm.run(script, "$262.told()" if is_async else None)
    if matter.negative is not None:
        phase, error = matter.negative
        wanted = ("parse" if phase == "early" else phase, error)
        return (
            None if failure is not None and failure[:2] == wanted else f"{wanted} expected, found {failure}"
        )
    if is_async:
        return None if failure == Failure("runtime", "", COMPLETE) else str(failure)
    return None if failure is None else str(failure)


@functools.cache
def _realm(includes: tuple[str, ...], with_intl: bool) -> Realm:
    scripts = [packages.HERE.joinpath("host.js").read_text()]
    scripts += [packages.text(f"{PACKAGE}/harness/{name}") for name in includes]
    if includes:
        scripts.append("Test262Error.prototype.name = 'Test262Error'")
    if with_intl:
        # It loads when it is touched, which no test should have to wait for.
        scripts.append("void Intl")
    return Realm(scripts)
