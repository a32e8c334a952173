"""The settings of functions (SPEC 5): definitions belong to the code, values to an instance."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, cast, get_args

import orjson

from headgate.registry import limits
from headgate.registry.errors import Invalid

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

Type = Literal["STRING", "BOOLEAN", "ARRAY", "TEXT_MAP"]

Value = str | bool | list[str] | dict[str, str]

MASK: Final = "\N{BULLET}" * 8
"""Shown in place of a stored secret (SPEC D49); written back, it means "keep"."""

TYPES: Final = get_args(Type)

EMPTY: Final[tuple[object, ...]] = ("", [], {})
"""Values that a required setting cannot have."""

_NAME: Final = re.compile(r"[A-Za-z_$][A-Za-z0-9_$]*")
_NAMES_FORBIDDEN: Final = frozenset({"__proto__", "constructor", "prototype"})
_WORD: Final = re.compile(r"[A-Za-z0-9]+")
_KINDS: Final = {
    "STRING": "a text",
    "BOOLEAN": "true or false",
    "ARRAY": "a list of texts",
    "TEXT_MAP": "a map of texts",
}


@dataclass(frozen=True, slots=True)
class Definition:
    """The definition of a setting. Fields are named as on the wire."""

    name: str
    label: str
    description: str = ""
    type: Type = "STRING"
    required: bool = False
    sensitive: bool = False

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


class Update(NamedTuple):
    """
    The outcome of writing an instance's values.

    plain     values to store as they are
    seal      new sensitive values, to be sealed
    keep      names of the stored sensitive values to keep
    """

    plain: dict[str, Value]
    seal: dict[str, Value]
    keep: frozenset[str]


def name_of(label: str) -> str:
    """The name derived from a label: "API Key" gives "apiKey". Not always a valid name: consider "" or "2nd"."""
    words = _WORD.findall(label)
    return "".join([*(word.lower() for word in words[:1]), *(word.capitalize() for word in words[1:])])


def definitions(raw: object, field: str = "settings") -> tuple[Definition, ...]:
    """From JSON objects with all six keys, as on the wire. Raises Invalid, which names the field and the limit."""
    if not isinstance(raw, list | tuple):
        raise Invalid("must be a list of setting definitions", field)
    if len(raw) > limits.DEFINITIONS_PER_FUNCTION:
        raise Invalid(
            f"has {len(raw)} definitions; at most {limits.DEFINITIONS_PER_FUNCTION} are allowed", field
        )
    found: list[Definition] = []
    for number, each in enumerate(raw):
        definition = _definition(each, f"{field}[{number}]")
        if any(definition.name == other.name for other in found):
            raise Invalid(f"{definition.name!r} is defined twice", f"{field}[{number}].name")
        found.append(definition)
    return tuple(found)


def _definition(raw: object, field: str) -> Definition:
    if not isinstance(raw, dict):
        raise Invalid("must be an object", field)
    known = Definition.__slots__
    for key in raw:
        if key not in known:
            raise Invalid("is unknown", f"{field}.{key}")
    for key in known:
        wanted = bool if key in ("required", "sensitive") else str
        if key not in raw:
            raise Invalid("is required", f"{field}.{key}")
        if not isinstance(raw[key], wanted):
            raise Invalid(f"must be {'true or false' if wanted is bool else 'a text'}", f"{field}.{key}")
    check_name(raw["name"], f"{field}.name")
    for key, most in (("label", limits.SETTING_LABEL_CHARS), ("description", limits.DESCRIPTION_CHARS)):
        if len(raw[key]) > most:
            raise Invalid(f"has {len(raw[key])} characters; at most {most} are allowed", f"{field}.{key}")
    if raw["type"] not in TYPES:
        raise Invalid(f"must be one of {', '.join(TYPES)}", f"{field}.type")
    return Definition(**raw)


def check_name(name: str, field: str) -> None:
    """Raises Invalid."""
    if len(name) > limits.SETTING_NAME_CHARS:
        raise Invalid(f"has {len(name)} characters; at most {limits.SETTING_NAME_CHARS} are allowed", field)
    if not _NAME.fullmatch(name):
        raise Invalid(
            f"{name!r} is not a name: use letters, digits, _ and $, not starting with a digit", field
        )
    if name in _NAMES_FORBIDDEN:
        raise Invalid(f"{name!r} is not allowed as a name", field)


def fits(value: object, kind: Type) -> bool:
    """Whether *value* is of type *kind*."""
    match kind:
        case "STRING":
            return isinstance(value, str)
        case "BOOLEAN":
            return isinstance(value, bool)
        case "ARRAY":
            return isinstance(value, list) and all(isinstance(each, str) for each in value)
        case "TEXT_MAP":
            return isinstance(value, dict) and all(
                isinstance(key, str) and isinstance(each, str) for key, each in value.items()
            )


def union(running: Sequence[Definition], latest: Sequence[Definition]) -> tuple[Definition, ...]:
    """
    The definitions an instance's values may have while it runs an older version: the latest ones, and those of the
    version it runs. A setting that is sensitive in either is a secret.
    """
    secret = {each.name for each in running if each.sensitive}
    names = {each.name for each in latest}
    merged = [
        each
        if each.sensitive or each.name not in secret
        else Definition(**(asdict(each) | {"sensitive": True}))
        for each in latest
    ]
    return (*merged, *(each for each in running if each.name not in names))


def update(
    known: Sequence[Definition], stored_secret: Collection[str], given: object, field: str = "settings"
) -> Update:
    """
    What an instance's values become when *given* is written (SPEC 5): plain values are replaced, sensitive ones that it
    does not name are kept. A sensitive value equal to the mask means "keep"; null, or an empty value for a required
    setting, means "none". Raises Invalid.
    """
    if not isinstance(given, dict):
        raise Invalid("must be an object", field)
    by_name = {each.name: each for each in known}
    plain: dict[str, Value] = {}
    seal: dict[str, Value] = {}
    keep = {name for name in stored_secret if name in by_name}
    for name, value in given.items():
        at = f"{field}.{name}"
        definition = by_name.get(name)
        if definition is None:
            raise Invalid("is not a setting of this function", at)
        if value == MASK and name in stored_secret:
            continue
        if value == MASK and definition.sensitive:
            raise Invalid("is the mask of a secret, but no secret is stored", at)
        keep.discard(name)
        if value is None or (definition.required and value in EMPTY):
            continue
        if not fits(value, definition.type):
            raise Invalid(f"must be {_KINDS[definition.type]}", at)
        (seal if definition.sensitive else plain)[name] = cast("Value", value)
    try:
        size = len(orjson.dumps([plain, seal]))
    except orjson.JSONEncodeError:
        raise Invalid("must be valid Unicode", field) from None
    if size > limits.SETTINGS_BYTES:
        raise Invalid(f"have {size} bytes; at most {limits.SETTINGS_BYTES} are allowed", field)
    return Update(plain, seal, frozenset(keep))


def missing(known: Sequence[Definition], values: Mapping[str, object]) -> str | None:
    """The first required setting without a value, or with an empty one; None if there is none."""
    for each in known:
        if each.required and values.get(each.name) in (None, *EMPTY):
            return each.name
    return None


def fault(known: Sequence[Definition], values: Mapping[str, object]) -> str | None:
    """Why a function with these values cannot run, as a message for users (SPEC D5); None if it can."""
    for each in known:
        if each.name in values and not fits(values[each.name], each.type):
            return f"the setting {each.name!r} must be {_KINDS[each.type]}"
    lacking = missing(known, values)
    return None if lacking is None else f"the required setting {lacking!r} has no value"


def merged(
    known: Sequence[Definition], plain: Mapping[str, object], secret: Mapping[str, object]
) -> dict[str, object]:
    """The second argument of handlers: values of the defined settings, in the order of the definitions."""
    both = {**plain, **secret}
    return {each.name: both[each.name] for each in known if each.name in both}


def masked(names: Collection[str]) -> dict[str, str]:
    """Sensitive values as they are shown."""
    return dict.fromkeys(names, MASK)


def texts(value: object) -> list[str]:
    """The strings a secret consists of, to be redacted wherever they appear."""
    match value:
        case str():
            return [value] if value else []
        case list():
            return [text for each in value for text in texts(each)]
        case dict():
            return [text for each in value.values() for text in texts(each)]
        case _:
            return []
