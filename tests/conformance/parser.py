"""test262-parser-tests: sources that must parse, and sources that must not."""

from __future__ import annotations

import functools

from tests.conformance import packages
from tests.conformance.realm import Realm

PACKAGE = "test262-parser-tests"

FOLDERS = {"pass": True, "pass-explicit": True, "fail": False, "early": False}
"""Whether what is in them is right."""


@functools.cache
def names() -> list[str]:
    """Every source, such as "early/0d5e450f1da8a92a.js"."""
    found = [name.removeprefix(f"{PACKAGE}/") for name in packages.archive().namelist()]
    return sorted(name for name in found if name.partition("/")[0] in FOLDERS)


def problem(name: str) -> str | None:
    """What is wrong with how a source was parsed; None when nothing is."""
    failure = _realm().parse(packages.text(f"{PACKAGE}/{name}"))
    if FOLDERS[name.partition("/")[0]]:
        return None if failure is None else str(failure)
    return (
        None if failure is not None and failure.name == "SyntaxError" else f"SyntaxError expected, {failure}"
    )


@functools.cache
def _realm() -> Realm:
    return Realm([])
