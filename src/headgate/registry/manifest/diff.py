"""Differences, as lines to show to users. None of them contains a secret."""

from __future__ import annotations

import difflib
import json
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from headgate.registry.functions import Code
    from headgate.registry.settings import Definition

SECRET: Final = "(secret)"  # noqa: S105 - what stands for one

_SHOWN_CHARS: Final = 80


def new(values: Mapping[str, Any]) -> list[str]:
    """Lines that describe something new."""
    return [f"{key}: {_shown(value)}" for key, value in values.items() if value not in ("", None)]


def new_settings(given: Mapping[str, Any], secret: Collection[str]) -> dict[str, Any]:
    """*given* values, with those named in *secret* hidden."""
    return {f"settings.{name}": SECRET if name in secret else value for name, value in given.items()}


def changed(pairs: Mapping[str, tuple[Any, Any]]) -> list[str]:
    """Lines for the *pairs* of old and new value that differ; None stands for no value."""
    return [
        f"{key}: {_shown(old)} -> {_shown(new)}"
        for key, (old, new) in pairs.items()
        if _plain(old) != _plain(new)
    ]


def changed_secrets(
    stored: Collection[str], values: Mapping[str, Any], seal: Mapping[str, Any], keep: Collection[str]
) -> list[str]:
    """
    Lines for secrets that are set, changed or removed. *values* are the *stored* ones that can be decrypted, *seal* the
    new ones, *keep* the names of those that stay.
    """
    lines = [
        f"{name}: {SECRET} {'changed' if name in stored else 'set'}"
        for name, value in seal.items()
        if name not in stored or name not in values or _plain(values[name]) != _plain(value)
    ]
    return lines + [f"{name}: {SECRET} removed" for name in stored if name not in seal and name not in keep]


def changed_code(old: Code, new: Code) -> list[str]:
    lines = []
    if old.text != new.text:
        marks = [
            line[0]
            for line in difflib.unified_diff(old.text.splitlines(), new.text.splitlines(), n=0, lineterm="")
            if not line.startswith(("+++", "---", "@@"))
        ]
        plus, minus = marks.count("+"), marks.count("-")
        lines.append(f"code: +{plus} -{minus} lines" if marks else "code: line endings differ")
    if old.language != new.language:
        lines.append(f"language: {old.language} -> {new.language}")
    return lines


def changed_definitions(old: Sequence[Definition], new: Sequence[Definition]) -> list[str]:
    was, becomes = {each.name: each for each in old}, {each.name: each for each in new}
    lines = [f"setting {name}: removed" for name in was if name not in becomes]
    lines += [f"setting {name}: {_kind(each)}" for name, each in becomes.items() if name not in was]
    for name, each in becomes.items():
        if name in was:
            pairs = zip(was[name].as_json().items(), each.as_json().values(), strict=True)
            lines += changed({f"setting {name}: {key}": (value, now) for (key, value), now in pairs})
    if not lines and list(was) != list(becomes):
        lines.append("settings: in another order")
    return lines


def new_definitions(new: Sequence[Definition]) -> list[str]:
    return [f"setting {each.name}: {_kind(each)}" for each in new]


def size_of(code: Code) -> str:
    count = len(code.text.splitlines())
    return f"code: {count} line{'' if count == 1 else 's'} of {code.language}"


def short_key(key: str) -> str:
    """Enough of a write key to tell it from others."""
    return f"{key[:4]}…"


def _kind(definition: Definition) -> str:
    words: list[str] = [definition.type]
    words += [word for word in ("required", "sensitive") if getattr(definition, word)]
    return ", ".join(words)


def _plain(value: Any) -> str:
    """A text that is equal for equal JSON values only: Python's True equals 1, but JSON's does not."""
    return json.dumps(value, sort_keys=True, default=str)


def _shown(value: Any) -> str:
    if value is None:
        return "(none)"
    text = (
        value if isinstance(value, str) and value.isprintable() and value else json.dumps(value, default=str)
    )
    return text if len(text) <= _SHOWN_CHARS else f"{text[: _SHOWN_CHARS - 1]}…"
