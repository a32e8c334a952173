"""Responses that are files, sent in parts as they are read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from headgate.registry.store import View


@dataclass(frozen=True, slots=True)
class Download:
    """
    name    the name of the file
    part    returns some content and where to continue, or None at the end. It is first called with None, then with
            what it returned, each time in a new view of the registry: no transaction lasts as long as a slow reader
    """

    name: str
    part: Callable[[View, Any], tuple[bytes, Any]]
