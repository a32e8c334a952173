"""Secrets as tables store them: a JSON object of sealed values by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from headgate.registry import canonical

if TYPE_CHECKING:
    from collections.abc import Callable

    from headgate.registry.secrets import Place
    from headgate.registry.store import Change, View


def opened(view: View, sealed: str, place: Callable[[str], Place]) -> dict[str, Any]:
    """The values by name; *place* gives the place of a name. Raises Undecryptable."""
    return {
        name: orjson.loads(view.unseal(each, place(name))) for name, each in canonical.read(sealed).items()
    }


def resealed(change: Change, sealed: str, place: Callable[[str], Place]) -> str:
    """The same values, sealed with the current key. Raises Undecryptable."""
    values = opened(change, sealed, place)
    return canonical.written({name: change.seal(value, place(name)) for name, value in values.items()})
