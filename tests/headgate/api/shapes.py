"""Answers held to the tables of the official clients, as strictly as the strictest of these reads them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

CONFORMANCE: Final = Path(__file__).parents[2] / "conformance"

MODELS: Final[dict[str, dict[str, Any]]] = json.loads((CONFORMANCE / "public-api-models.json").read_text())[
    "models"
]
OPERATIONS: Final[dict[str, dict[str, Any]]] = {
    each["operation"]: each
    for each in json.loads((CONFORMANCE / "public-api-operations.json").read_text())["operations"]
}


def problems(operation: str, data: Any) -> list[str]:
    """Where *data* is not what *operation* answers. An operation of our own has no table: anything will do."""
    row = OPERATIONS.get(operation)
    return [] if row is None else mismatches(row["dataModel"], data)


def mismatches(model: str, value: Any, place: str = "data") -> list[str]:
    """Missing keys, wrong types, unknown values of enumerations, null where it may not be. More keys are fine."""
    described = MODELS[model]
    if "oneOf" in described:
        found = [mismatches(each, value, place) for each in described["oneOf"]]
        return (
            [] if any(not each for each in found) else [f"{place}: none of {', '.join(described['oneOf'])}"]
        )
    if not isinstance(value, dict):
        return [f"{place}: {value!r} is no object"]
    wrong: list[str] = []
    for field in described["fields"]:
        at = f"{place}.{field['name']}"
        if field["name"] not in value:
            if field["required"]:
                wrong.append(f"{at}: missing")
            continue
        each = value[field["name"]]
        if each is None:
            if not field.get("nullable"):
                wrong.append(f"{at}: null")
        elif "enum" in field and each not in field["enum"]:
            wrong.append(f"{at}: {each!r} is none of {field['enum']}")
        else:
            wrong += _of_type(field["type"], each, at)
    return wrong


def failure_problems(value: Any) -> list[str]:
    """Where the body of a failed request is not as SPEC 12.1 has it."""
    if not isinstance(value, dict) or set(value) != {"errors"} or not isinstance(value["errors"], list):
        return [f"no list of errors: {value!r}"]
    wrong = [] if value["errors"] else ["no error"]
    for error in value["errors"]:
        if not isinstance(error, dict) or set(error) - {"type", "message", "field", "data", "status"}:
            wrong.append(f"no error of the API: {error!r}")
        elif not (isinstance(error.get("type"), str) and isinstance(error.get("message", ""), str)):
            wrong.append(f"no type, or a message that is no text: {error!r}")
    return wrong


def _of_type(name: str, value: Any, place: str) -> list[str]:
    if name.endswith("[]"):
        if not isinstance(value, list):
            return [f"{place}: {value!r} is no list"]
        return [
            problem
            for number, each in enumerate(value)
            for problem in _of_type(name[:-2], each, f"{place}[{number}]")
        ]
    if name in MODELS:
        return mismatches(name, value, place)
    fits = isinstance(value, _TYPES[name]) and (name in ("Any", "boolean") or not isinstance(value, bool))
    return [] if fits else [f"{place}: {value!r} is no {name}"]


_TYPES: Final[dict[str, tuple[type, ...]]] = {
    "Any": (object,),
    "boolean": (bool,),
    "integer": (int,),
    "number": (int, float),
    "object": (dict,),
    "string": (str,),
}
