"""Resolves references to environment variables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from headgate.registry.manifest.model import Env, ManifestError, reference
from headgate.registry.settings import MASK, Definition, fits

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping


class Environment:
    """
    The environment variables in *environ*. A stored secret whose variable is not set stays as it is, and is listed in
    `kept`; for a secret that is not stored yet, that is an error.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self.kept: dict[str, str] = {}

    def text(self, value: str | Env, place: str, *, stored: bool = False) -> str:
        """The text *value* stands for; the mask if the *stored* value is to be kept. Raises ManifestError."""
        if not isinstance(value, Env):
            return value
        found = self._environ.get(value.name)
        if found is not None:
            return found
        if stored:
            self.kept[place] = value.name
            return MASK
        raise ManifestError([f"{place}: the environment variable {value.name} is not set"])

    def setting(
        self, value: object, definition: Definition | None, place: str, stored: Collection[str]
    ) -> Any:
        """The value of a setting; in the environment, any but a string is JSON. Raises ManifestError."""
        of_map = definition is not None and definition.type == "TEXT_MAP"
        if (
            of_map
            and isinstance(value, dict)
            and list(value) == ["value"]
            and isinstance(value["value"], dict)
        ):
            return value["value"]
        named = reference(value)
        if named is None:
            return value
        text = self.text(named, place, stored=definition is not None and definition.name in stored)
        if text == MASK or definition is None or definition.type == "STRING":
            return text
        try:
            read = orjson.loads(text)
        except orjson.JSONDecodeError:
            read = None
        if not fits(read, definition.type):
            raise ManifestError([f"{place}: {named.name} must hold JSON that is {_JSON[definition.type]}"])
        return read


def written(value: Any, definition: Definition) -> Any:
    """*value* as it appears in a manifest, where a map that looks like a reference must be wrapped."""
    if definition.type == "TEXT_MAP" and (reference(value) is not None or list(value) == ["value"]):
        return {"value": value}
    return value


_JSON = {
    "BOOLEAN": "true or false",
    "ARRAY": "a list of texts",
    "TEXT_MAP": "a map of texts",
}
