"""Answers that are files, sent in parts as they are read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from headgate.registry.store import View


@dataclass(frozen=True, slots=True)
class Download:
    """
    name    of the file
    part    gives some content, and where to go on; None: that was all. Called with None first, then with what it gave,
            each time with the registry of that moment: no transaction lasts as long as a slow reader
    """

    name: str
    part: Callable[[View, Any], tuple[bytes, Any]]
