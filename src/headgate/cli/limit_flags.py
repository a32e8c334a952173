"""The flags for limits, generated from the fields of Limits."""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING, Final

from headgate.cli.numbers import integer
from headgate_runtime.errors import LimitError
from headgate_runtime.limits import Limits

if TYPE_CHECKING:
    import argparse
    from collections.abc import Collection

LOADING: Final = ("time_ms", "fuel", "memory_bytes", "source_bytes")
"""Limits that apply to loading a function, not only to running it."""


def add_limits(command: argparse.ArgumentParser, names: Collection[str] | None = None) -> None:
    """Declares a flag for each limit of *names*; default: for all."""
    group = command.add_argument_group("limits")
    for field in dataclasses.fields(Limits):
        if names is None or field.name in names:
            about = field.metadata
            # The source of the rule is only for readers of the code.
            what = re.sub(r" \(SPEC [^)]*\)", "", about["help"])
            group.add_argument(
                _flag(field.name),
                metavar="N",
                type=integer,
                help=f"{what}; default {field.default}, from {about['low']} to {about['high']}",
            )


def limits_of(parsed: argparse.Namespace) -> Limits:
    """The limits of the command line. Raises LimitError, naming the limit and its range."""
    names = [field.name for field in dataclasses.fields(Limits)]
    given = {name: value for name in names if (value := getattr(parsed, name, None)) is not None}
    try:
        return Limits(**given)
    except LimitError as error:
        name, _, rest = str(error).partition(" ")
        raise LimitError(f"{_flag(name)} {rest}") from None


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"
