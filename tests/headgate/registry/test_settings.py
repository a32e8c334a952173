"""Definitions and values of settings, for everything that could be sent."""

from __future__ import annotations

from typing import Any, cast

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from headgate.registry import limits, settings
from headgate.registry.errors import Invalid
from headgate.registry.settings import MASK, TYPES, Definition

NAMES = st.from_regex(r"[A-Za-z_$][A-Za-z0-9_$]{0,8}", fullmatch=True).filter(
    lambda name: name not in ("__proto__", "constructor", "prototype")
)
TEXTS = st.text(st.characters(codec="utf-8"), max_size=10)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "STRING": TEXTS.filter(lambda text: text != MASK),
    "BOOLEAN": st.booleans(),
    "ARRAY": st.lists(TEXTS, max_size=3),
    "TEXT_MAP": st.dictionaries(TEXTS, TEXTS, max_size=3),
}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)
DEFINITIONS = st.lists(
    st.builds(
        Definition,
        name=NAMES,
        label=TEXTS,
        description=TEXTS,
        type=st.sampled_from(TYPES),
        required=st.booleans(),
        sensitive=st.booleans(),
    ),
    max_size=5,
    unique_by=lambda each: each.name,
).map(tuple)


def wire(**changes: Any) -> dict[str, Any]:
    whole = {
        "name": "a",
        "label": "A",
        "description": "",
        "type": "STRING",
        "required": True,
        "sensitive": False,
    }
    return {key: value for key, value in (whole | changes).items() if value is not ...}


@st.composite
def defined_values(draw: st.DrawFn) -> tuple[tuple[Definition, ...], dict[str, Any]]:
    known = draw(DEFINITIONS)
    chosen = [each for each in known if draw(st.booleans())]
    return known, {each.name: draw(VALUES[each.type]) for each in chosen}


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("API Key", "apiKey"),
        ("apiKey", "apikey"),
        ("  the URL, please! ", "theUrlPlease"),
        ("2nd try", "2ndTry"),
        ("Grüße", "grE"),
        ("", ""),
    ],
)
def test_names_follow_from_labels(label: str, name: str) -> None:
    assert settings.name_of(label) == name


@given(st.text())
def test_a_name_that_follows_is_of_letters_and_digits(label: str) -> None:
    name = settings.name_of(label)

    assert name.isascii()
    assert name == "" or name.isalnum()


@given(DEFINITIONS)
def test_definitions_survive_the_wire(known: tuple[Definition, ...]) -> None:
    assert settings.definitions([each.as_json() for each in known]) == known


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ({}, "settings: must be a list of setting definitions"),
        (["x"], "settings[0]: must be an object"),
        ([wire(more=1)], "settings[0].more: is unknown"),
        ([wire(name=...)], "settings[0].name: is required"),
        ([wire(description=...)], "settings[0].description: is required"),
        ([wire(required="yes")], "settings[0].required: must be true or false"),
        ([wire(label=1)], "settings[0].label: must be a text"),
        ([wire(type="NUMBER")], "settings[0].type: must be one of STRING, BOOLEAN, ARRAY, TEXT_MAP"),
        (
            [wire(name="1a")],
            "settings[0].name: '1a' is not a name: use letters, digits, _ and $, not starting with a digit",
        ),
        (
            [wire(name="a\n")],
            "settings[0].name: 'a\\n' is not a name: use letters, digits, _ and $, not starting with a digit",
        ),
        ([wire(name="__proto__")], "settings[0].name: '__proto__' is not allowed as a name"),
        ([wire(name="constructor")], "settings[0].name: 'constructor' is not allowed as a name"),
        ([wire(name="prototype")], "settings[0].name: 'prototype' is not allowed as a name"),
        ([wire(), wire()], "settings[1].name: 'a' is defined twice"),
    ],
)
def test_definitions_that_are_none(raw: object, message: str) -> None:
    with pytest.raises(Invalid) as caught:
        settings.definitions(raw)

    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("most", "make"),
    [
        (limits.SETTING_NAME_CHARS, lambda size: [wire(name="a" * size)]),
        (limits.SETTING_LABEL_CHARS, lambda size: [wire(label="a" * size)]),
        (limits.DESCRIPTION_CHARS, lambda size: [wire(description="a" * size)]),
        (limits.DEFINITIONS_PER_FUNCTION, lambda size: [wire(name=f"a{number}") for number in range(size)]),
    ],
    ids=["name", "label", "description", "count"],
)
def test_limits_of_definitions(most: int, make: Any) -> None:
    assert settings.definitions(make(most))
    with pytest.raises(Invalid, match=f"at most {most} are allowed"):
        settings.definitions(make(most + 1))


@given(defined_values())
def test_values_that_fit_are_taken_apart_and_put_together(case: tuple[Any, dict[str, Any]]) -> None:
    known, values = case

    parts = settings.update(known, (), values)

    given_a_value = {
        each.name: values[each.name]
        for each in known
        if each.name in values and not (each.required and values[each.name] in settings.EMPTY)
    }
    assert settings.merged(known, parts.plain, parts.seal) == given_a_value
    assert set(parts.seal) == {each.name for each in known if each.sensitive and each.name in given_a_value}
    assert parts.keep == frozenset()
    lacking = [each.name for each in known if each.required and each.name not in given_a_value]
    assert settings.missing(known, given_a_value) == (lacking[0] if lacking else None)
    assert (settings.fault(known, given_a_value) is None) == (not lacking)


@given(DEFINITIONS, st.dictionaries(NAMES, JSON, max_size=4))
def test_what_does_not_fit_is_refused_and_what_fits_is_not(
    known: tuple[Definition, ...], values: dict[str, Any]
) -> None:
    by_name = {each.name: each for each in known}
    fits = all(
        name in by_name and (value is None or settings.fits(value, by_name[name].type))
        for name, value in values.items()
    )

    if fits:
        settings.update(known, (), values)
    else:
        with pytest.raises(Invalid) as caught:
            settings.update(known, (), values)
        assert caught.value.field.removeprefix("settings.") in values


@given(defined_values(), st.data())
def test_secrets_stay_unless_they_are_named(case: tuple[Any, dict[str, Any]], data: st.DataObject) -> None:
    known, values = case
    secret = [each.name for each in known if each.sensitive]
    stored = set(data.draw(st.lists(st.sampled_from(secret), unique=True))) if secret else set[str]()
    masked = {name for name in stored if data.draw(st.booleans())}

    parts = settings.update(known, stored, values | dict.fromkeys(masked, MASK))

    assert parts.keep == (stored - set(values)) | masked
    assert not parts.keep & set(parts.seal)


@given(DEFINITIONS)
def test_null_takes_every_value_away(known: tuple[Definition, ...]) -> None:
    names = [each.name for each in known]

    assert settings.update(known, names, dict.fromkeys(names)) == ({}, {}, frozenset())


def test_the_mask_of_nothing_is_refused() -> None:
    known = [Definition("key", "Key", sensitive=True)]

    with pytest.raises(Invalid, match=r"^settings\.key: is the mask of a secret, but no secret is stored$"):
        settings.update(known, (), {"key": MASK})


def test_the_mask_is_a_text_like_any_other_where_nothing_is_secret() -> None:
    assert settings.update([Definition("key", "Key")], (), {"key": MASK}).plain == {"key": MASK}


def test_the_size_of_all_values_is_bounded() -> None:
    known = [Definition("a", "A"), Definition("b", "B", sensitive=True)]
    frame = len('[{"a":""},{"b":""}]')
    room = limits.SETTINGS_BYTES - frame

    settings.update(known, (), {"a": "x" * (room - 10), "b": "y" * 10})
    with pytest.raises(Invalid, match=f"^settings: have {limits.SETTINGS_BYTES + 1} bytes; at most"):
        settings.update(known, (), {"a": "x" * (room - 9), "b": "y" * 10})


def test_half_a_character_is_refused() -> None:
    with pytest.raises(Invalid, match=r"^settings: must be valid Unicode$"):
        settings.update([Definition("a", "A")], (), {"a": "\ud800"})


@given(DEFINITIONS, DEFINITIONS)
def test_what_is_sensitive_in_either_version_is_a_secret(
    running: tuple[Definition, ...], latest: tuple[Definition, ...]
) -> None:
    both = settings.union(running, latest)

    assert {each.name for each in both} == {each.name for each in (*running, *latest)}
    for each in both:
        same = [other for other in (*running, *latest) if other.name == each.name]
        assert each.sensitive == any(other.sensitive for other in same)
        assert each.type == same[-1].type


@given(
    st.recursive(
        TEXTS | st.booleans(), lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner), max_leaves=20
    )
)
def test_every_text_of_a_secret_is_found(value: object) -> None:
    found = settings.texts(value)

    def walk(part: object) -> list[str]:
        if isinstance(part, list | dict):
            inner = part if isinstance(part, list) else list(cast(dict[str, object], part).values())
            return [text for each in inner for text in walk(each)]
        return [part] if isinstance(part, str) and part else []

    assert found == walk(value)
    assume(found)
    assert "" not in found
