"""
What Web IDL implies for the interfaces of the platform, by the definitions that the standards themselves hold: the
ground that the "idlharness" tests of the Web Platform Tests cover.
"""

from __future__ import annotations

import functools
import json
from typing import Any

from tests.conformance import packages
from tests.conformance.realm import Failure, Realm

PACKAGE = "@webref/idl"

INTERFACES = (
    *(
        "AbortController",
        "AbortSignal",
        "Blob",
        "CustomEvent",
        "DOMException",
        "Event",
        "EventTarget",
        "File",
    ),
    *("Headers", "ReadableStream", "Request", "Response", "TextDecoder", "TextEncoder", "TransformStream"),
    *("URL", "URLSearchParams", "WritableStream"),
)


@functools.cache
def _interfaces() -> dict[str, Any]:
    found = json.loads(packages.definitions())
    return {name: found[name] for name in INTERFACES}


@functools.cache
def names() -> list[str]:
    """Interfaces, and members such as "URL.canParse"."""
    found = _interfaces()
    members = [f"{name}.{member['name']}" for name in found for member in found[name]["members"].values()]
    return sorted([*found, *members])


def problem(name: str) -> str | None:
    """What is wrong with an interface or a member of one."""
    return _failures().get(name)


@functools.cache
def _failures() -> dict[str, str]:
    check = packages.HERE.joinpath("idl.js").read_text()
    done = Realm([]).run(f"throw JSON.stringify(({check})({json.dumps(_interfaces())}))")
    assert isinstance(done, Failure)
    failures: dict[str, str] = json.loads(done.message)
    return failures
