"""
Clients of the management API, as they come: the official one for TypeScript, and requests in the form of the official
one for Python, which is not published at a package registry. Every answer is held to the tables that were made of the
Python client's models, which it refuses to read anything else than (SPEC 12.1).
"""

from __future__ import annotations

import functools
import json
import os
import re
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any, Final, Protocol, Self, cast

import httpx

from guest.build import bundles
from guest.build.sources import ROOT, cache_directory
from guest.build.workshop import Workshop, digest_of
from tests.headgate.api import shapes

NODE: Final = Path(__file__).parent / "node"


@functools.cache
def typescript_package() -> Path:
    """The pinned package, fetched into the build's cache the first time."""
    shop = Workshop(cache_directory(os.environ) / "clients")
    manifests = [NODE / "package.json", NODE / "package-lock.json", ROOT / "guest" / ".npmrc"]
    with shop.exclusive():
        packages = shop.step(
            "npm packages of the management API's tests",
            "packages",
            digest_of(*manifests),
            lambda out: bundles.install_packages(shop, manifests, out),
        )
    return packages / "node_modules" / "@segment" / "public-api-sdk-typescript"


class Refused(Exception):
    """What the API answered instead."""

    def __init__(self, status: int, errors: list[dict[str, Any]]) -> None:
        super().__init__(status, errors)
        self.status = status
        self.errors = errors


class Client(Protocol):
    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...

    def ask(self, operation: str, body: object = None, **named: Any) -> dict[str, Any]:
        """
        The `data` of the answer to *operation* of the table, with parameters by name. Raises Refused. Fails for an
        answer that is not in the shape of the table.
        """


class Typescript:
    """@segment/public-api-sdk-typescript, in a process of its own. With another base URL, and nothing else."""

    def __init__(self, url: str, token: str) -> None:
        # The client's own dependencies are old; what node says of these is no matter of ours.
        package = typescript_package()
        command: list[str | Path] = [
            bundles.node(),
            "--no-deprecation",
            NODE / "client.mjs",
            package,
            url,
            token,
        ]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        said = self._process.communicate(timeout=10)[1]
        assert (self._process.returncode, said) == (0, ""), "no warning is tolerated"

    @property
    def _input(self) -> IO[str]:
        return cast("IO[str]", self._process.stdin)

    @property
    def _output(self) -> IO[str]:
        return cast("IO[str]", self._process.stdout)

    def ask(self, operation: str, body: object = None, **named: Any) -> dict[str, Any]:
        self._input.write(json.dumps({"operation": operation, "named": named, "body": body}) + "\n")
        self._input.flush()
        line = self._output.readline()
        assert line, "the client ended"
        got = json.loads(line)
        data = _checked(operation, got["status"], got["answer"])
        _hold_within(_named_as_sent(got["typed"]["data"]), data, operation)
        return data


class PythonForm:
    """Requests as the official Python client makes them: its Accept, body type and forms of parameters."""

    def __init__(self, url: str, token: str) -> None:
        agent = "Public API SDK 61.1.4 (Python)"
        self._http = httpx.Client(
            base_url=url,
            headers={"authorization": f"Bearer {token}", "user-agent": agent},
            trust_env=False,
            timeout=30,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def ask(self, operation: str, body: object = None, **named: Any) -> dict[str, Any]:
        row = shapes.OPERATIONS[operation]
        media = f"application/vnd.segment.{row['versions'][0]}+json"
        path = re.sub(r"\{(\w+)\}", lambda found: str(named.pop(found[1])), row["path"])
        assert set(named) <= {each["name"] for each in row["query"]}
        sent = {"accept": media}
        if body is not None:
            sent["content-type"] = media
        got = self._http.request(
            row["method"],
            path,
            params={name: _parameter(value) for name, value in named.items()},
            content=None if body is None else json.dumps(body),
            headers=sent,
        )
        assert got.headers["content-type"] == media, (operation, got.headers)
        return _checked(operation, got.status_code, got.json())


CLIENTS: Final[dict[str, Callable[[str, str], Client]]] = {
    "typescript": Typescript,
    "python's form": PythonForm,
}


def _parameter(value: Any) -> Any:
    if isinstance(value, Mapping):
        return json.dumps(value)
    return value


def _named_as_sent(value: Any) -> Any:
    """The TypeScript client puts a line before names that are words of its language."""
    if isinstance(value, dict):
        return {
            name.removeprefix("_") if name in ("_default", "_if") else name: _named_as_sent(each)
            for name, each in value.items()
        }
    return [_named_as_sent(each) for each in value] if isinstance(value, list) else value


def _hold(operation: str, data: Any) -> None:
    problems = shapes.problems(operation, data)
    assert not problems, (operation, problems)


def _hold_within(read: Any, sent: Any, place: str) -> None:
    """Whether what the client's own models made of the answer is what was *sent*, as far as they know it."""
    if isinstance(read, dict) and isinstance(sent, dict):
        for name, each in read.items():
            assert name in sent, f"{place}.{name}"
            _hold_within(each, sent[name], f"{place}.{name}")
    elif isinstance(read, list) and isinstance(sent, list):
        assert len(read) == len(sent), place
        for number, (one, other) in enumerate(zip(read, sent, strict=True)):
            _hold_within(one, other, f"{place}[{number}]")
    else:
        assert read == sent, (place, read, sent)


def _checked(operation: str, status: int, answer: Any) -> dict[str, Any]:
    if status >= 400:
        assert shapes.failure_problems(answer) == []
        raise Refused(status, answer["errors"])
    row = shapes.OPERATIONS[operation]
    assert status == row["successStatus"]
    _hold(operation, answer["data"])
    data: dict[str, Any] = answer["data"]
    return data
