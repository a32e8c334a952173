"""The format of a manifest. All mistakes are reported at once, each with its place in the file."""

from __future__ import annotations

import difflib
import re
import tomllib
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, NamedTuple

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    ValidationError,
    model_validator,
)
from pydantic_core import PydanticCustomError

from headgate.registry import checks, kinds, limits
from headgate.registry.errors import Invalid
from headgate.registry.settings import Definition, Type, check_name, name_of
from headgate.registry.wording import worded
from headgate_runtime import fetch

if TYPE_CHECKING:
    from collections.abc import Sequence

_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_BARE: Final = re.compile(r"[A-Za-z0-9_-]+")


class ManifestError(Exception):
    """The manifest cannot be applied. *problems* are lines for users, each with its place in the file."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


class Env(NamedTuple):
    """`{ env = "NAME" }`: a value taken from an environment variable."""

    name: str


def reference(value: object) -> Env | None:
    """*value* as a reference to an environment variable; None if it is not one."""
    if isinstance(value, dict) and list(value) == ["env"] and isinstance(value["env"], str):
        return Env(value["env"]) if _VARIABLE.fullmatch(value["env"]) else None
    return None


def _text(value: object) -> str | Env:
    found = value if isinstance(value, str) else reference(value)
    if found is None:
        raise PydanticCustomError("text", 'must be a text or { env = "NAME" }')
    return found


def _ruled(check: Any, *more: Any) -> Any:
    """A validator for a field, from a rule in checks.py."""

    def validate(value: Any) -> Any:
        if not isinstance(value, str):
            raise PydanticCustomError("text", "must be a text")
        try:
            return check(value, "", *more)
        except Invalid as error:
            raise PydanticCustomError("rule", "{message}", {"message": error.message}) from None

    return BeforeValidator(validate)


Text = Annotated[str | Env, PlainValidator(_text)]
Name = Annotated[str, _ruled(checks.name)]
Slug = Annotated[str, _ruled(checks.slug)]
Title = Annotated[str, _ruled(checks.name, limits.FILTER_TITLE_CHARS)]
Description = Annotated[str, _ruled(checks.description)]
WebUrl = Annotated[str, _ruled(checks.url)]


def _egress(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list | tuple) or not all(isinstance(each, str) for each in value):
        raise PydanticCustomError("egress", "must be a list of hosts and networks")
    try:
        fetch.Egress(allow=value)
    except fetch.EgressError as error:
        raise PydanticCustomError("egress", "{message}", {"message": str(error)}) from None
    return tuple(value)


Egress = Annotated[tuple[str, ...], PlainValidator(_egress)]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True, populate_by_name=False)


class Workspace(_Table):
    """*egress_allow* and *egress_deny*: hosts (api.example.com, *.example.com) and networks (10.1.0.0/16)."""

    slug: Slug = "default"
    name: Name | None = None
    egress_allow: Egress = ()
    egress_deny: Egress = ()


class Source(_Table):
    """Without *write_keys*, a new source gets a random one."""

    slug: Slug
    name: Name | None = None
    enabled: bool = True
    write_keys: Annotated[list[Text], Field(max_length=limits.WRITE_KEYS_PER_SOURCE)] | None = None


class Setting(_Table):
    """The definition of a setting. The name defaults to one derived from the label, the label to the name."""

    name: str | None = None
    label: Annotated[str, Field(max_length=limits.SETTING_LABEL_CHARS)] | None = None
    description: Description = ""
    type: Type = "STRING"
    required: bool = False
    sensitive: bool = False

    @model_validator(mode="after")
    def _named(self) -> Setting:
        if self.name is None and self.label is None:
            raise PydanticCustomError("name", "must have a name or a label")
        try:
            check_name(self.definition().name, "name")
        except Invalid as error:
            raise PydanticCustomError("name", "{message}", {"message": str(error)}) from None
        return self

    def definition(self) -> Definition:
        name = name_of(self.label or "") if self.name is None else self.name
        return Definition(
            name=name,
            label=name if self.label is None else self.label,
            description=self.description,
            type=self.type,
            required=self.required,
            sensitive=self.sensitive,
        )


class Function(_Table):
    """The source code is in the file *path*, relative to the manifest, or else in *code*, with its *language*."""

    name: Name
    path: Annotated[str, Field(min_length=1)] | None = None
    code: str | None = None
    language: Literal["javascript", "typescript"] | None = None
    description: Description | None = None
    logo_url: WebUrl | None = None
    settings: Annotated[list[Setting], Field(max_length=limits.DEFINITIONS_PER_FUNCTION)] = []
    batch_max_count: Annotated[int, Field(ge=1, le=limits.BATCH_COUNT_MAX)] = limits.BATCH_COUNT_DEFAULT
    isolation: Literal["warm", "hermetic"] = "warm"
    time_ms: Annotated[int, Field(ge=1, le=limits.TIME_MS_MAX)] = limits.TIME_MS_DEFAULT

    @model_validator(mode="after")
    def _has_code(self) -> Function:
        if (self.path is None) == (self.code is None):
            raise PydanticCustomError("code", "must have either a path or code")
        if self.path is not None and self.language is not None:
            raise PydanticCustomError(
                "code", "language goes with code; for a path, it follows from the file extension"
            )
        if self.path is not None and not self.path.lower().endswith((".js", ".ts")):
            raise PydanticCustomError("code", "path must end with .js or .ts")
        return self


class Filter(_Table):
    """The *title* defaults to the condition."""

    query: Annotated[str, Field(alias="if")]
    actions: Annotated[list[dict[str, Any]], Field(min_length=1)]
    title: Title | None = None
    description: Description = ""
    enabled: bool = True

    @property
    def heading(self) -> str:
        if self.title is not None:
            return self.title
        line = " ".join(self.query.split())
        return line if len(line) <= limits.FILTER_TITLE_CHARS else f"{line[: limits.FILTER_TITLE_CHARS - 1]}…"


class Attachment(_Table):
    """The function of a destination."""

    name: Name
    enabled: bool = True
    settings: dict[str, Any] = {}


class Destination(_Table):
    name: Name
    source: Slug
    kind: Literal["webhook", "sink"]
    enabled: bool = True
    filters: Annotated[list[Filter], Field(max_length=limits.FILTERS_PER_DESTINATION)] | None = None
    function: Attachment | None = None
    url: kinds.Url | None = None
    method: kinds.Method | None = None
    headers: dict[str, Text] | None = None
    batch_max_count: kinds.BatchMaxCount | None = None
    batch_wait_ms: kinds.BatchWaitMs | None = None
    rate_per_s: kinds.RatePerS | None = None
    concurrency: kinds.Concurrency | None = None
    signing_secret: Text | None = None
    timeout_ms: kinds.TimeoutMs | None = None
    path: kinds.Path | None = None

    @model_validator(mode="after")
    def _fits_its_kind(self) -> Destination:
        model = kinds.MODELS[self.kind].model_fields
        for key in self.model_fields_set - _COMMON:
            if key not in model:
                raise PydanticCustomError("kind", "a {kind} has no {key}", {"key": key, "kind": self.kind})
        for key, entry in model.items():
            if entry.is_required() and getattr(self, key) is None:
                raise PydanticCustomError("kind", "a {kind} needs {key}", {"key": key, "kind": self.kind})
        return self

    @property
    def settings(self) -> dict[str, Any]:
        """The settings of its kind that the manifest gives; references to the environment are not resolved."""
        return {
            key: value
            for key in sorted(self.model_fields_set - _COMMON)
            if (value := getattr(self, key)) is not None
        }


_COMMON: Final = {"name", "source", "kind", "enabled", "filters", "function"}


class Manifest(_Table):
    workspace: Workspace = Workspace()
    sources: list[Source] = []
    functions: list[Function] = []
    destinations: list[Destination] = []


_TABLES: Final[dict[str, type[_Table]]] = {
    "": Manifest,
    "workspace": Workspace,
    "sources": Source,
    "functions": Function,
    "settings": Setting,
    "destinations": Destination,
    "filters": Filter,
    "function": Attachment,
}


def parse(text: str) -> Manifest:
    """Raises ManifestError."""
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ManifestError([f"not TOML: {error}"]) from None
    except RecursionError:
        raise ManifestError(["nested too deeply"]) from None
    try:
        manifest = Manifest.model_validate(raw)
    except ValidationError as error:
        raise ManifestError([_problem(each) for each in error.errors(include_url=False)]) from None
    twice = [
        *_twice("sources", "slug", [each.slug for each in manifest.sources]),
        *_twice("functions", "name", [each.name for each in manifest.functions]),
        *_twice("destinations", "name", [(each.source, each.name) for each in manifest.destinations]),
    ]
    if twice:
        raise ManifestError(twice)
    return manifest


def toml_path(parts: Sequence[str | int]) -> str:
    """As in `destinations[0].function.settings.apiKey`."""
    path = ""
    for part in parts:
        if isinstance(part, int):
            path += f"[{part}]"
        else:
            path += ("." if path else "") + (part if _BARE.fullmatch(part) else f'"{part}"')
    return path


def below(place: str, *parts: str | int) -> str:
    """The path of *parts* within *place*."""
    return f"{place}.{toml_path(parts)}"


def _problem(error: Any) -> str:
    """One of pydantic's errors, as a line for users."""
    place = toml_path(error["loc"])
    message = worded(error)
    if error["type"] == "extra_forbidden":
        message += _suggestion(error["loc"])
    return f"{place}: {message}" if place else message


def _suggestion(loc: Sequence[str | int]) -> str:
    parent = next((str(part) for part in reversed(loc[:-1]) if isinstance(part, str)), "")
    table = _TABLES.get(parent)
    names = [] if table is None else [entry.alias or name for name, entry in table.model_fields.items()]
    word = str(loc[-1])
    near = difflib.get_close_matches(word, names, n=1, cutoff=0.6) or [
        name for name in names if len(word) > 2 and word in name
    ]
    if near:
        return f"; did you mean {near[0]!r}?"
    return f"; the known keys are {', '.join(names)}" if names else ""


def _twice(table: str, key: str, values: Sequence[object]) -> list[str]:
    return [
        f"{table}[{number}].{key}: {table}[{values.index(value)}] has the same"
        for number, value in enumerate(values)
        if values.index(value) < number
    ]
