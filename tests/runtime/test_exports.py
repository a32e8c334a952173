"""The public face: what is exported is all there is, sorted, documented, and the README names every module."""

from __future__ import annotations

import ast
import inspect
import re
from pathlib import Path

import pytest

import headgate_runtime
from headgate_runtime import errors, fetch

PACKAGE = Path(headgate_runtime.__file__).parent
README = PACKAGE.parent / "README.md"

NAMES = headgate_runtime.__all__


def imported(module: object) -> set[str]:
    """Names that the package's own text imports from its modules."""
    tree = ast.parse(inspect.getsource(module))  # type: ignore[arg-type]
    return {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("headgate_runtime")
        for alias in node.names
    }


@pytest.mark.parametrize("package", [headgate_runtime, fetch])
def test_all_is_complete_and_sorted(package: object) -> None:
    names: list[str] = package.__all__  # type: ignore[attr-defined]

    assert names == sorted(names)
    assert set(names) == imported(package)


def test_every_error_is_exported() -> None:
    made = {name for name, value in vars(errors).items() if inspect.isclass(value)}

    assert made <= set(NAMES)
    for name in made - {"HeadgateError"}:
        assert issubclass(getattr(errors, name), errors.HeadgateError)
        assert name in (errors.__doc__ or "")


@pytest.mark.parametrize("name", NAMES)
def test_what_is_exported_is_documented(name: str) -> None:
    value = getattr(headgate_runtime, name)

    assert inspect.isclass(value) or inspect.isfunction(value)
    assert value.__module__.startswith("headgate_runtime.")
    text = value.__dict__.get("__doc__") if inspect.isclass(value) else value.__doc__
    assert text
    assert not text.startswith(f"{name}("), "made by a decorator, not written"


MODULES = sorted(path for path in PACKAGE.rglob("*.py") if "_guest" not in path.parts)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_every_module_says_what_it_is_for(path: Path) -> None:
    tree = ast.parse(path.read_text())

    assert ast.get_docstring(tree)


def test_the_readme_names_every_module() -> None:
    rows = set(re.findall(r"^\| `([\w/.]+)` \|", README.read_text(), re.MULTILINE))
    modules = {path.name for path in PACKAGE.glob("*.py") if path.name != "__init__.py"}

    assert rows == modules | {"fetch/", "_guest/"}


def test_the_example_of_the_readme_runs(capsys: pytest.CaptureFixture[str]) -> None:
    (example,) = re.findall(r"^```python\n(.*?)^```$", README.read_text(), re.MULTILINE | re.DOTALL)
    exec(compile(example, str(README), "exec"), {})

    printed = capsys.readouterr().out
    assert printed.startswith(
        """forward b'{"type":"track","event":"Signed Up","context":{"plan":"free"}}' () """
    )


def test_the_example_of_the_package_is_right() -> None:
    (code,) = re.findall(r"\n\n((?:    .*\n|\n)+)", headgate_runtime.__doc__ or "")
    tree = ast.parse("async def main():\n" + code)
    named = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}

    assert {"compile", "Executor"} <= named
    assert {
        alias.name for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for alias in node.names
    } <= set(NAMES)


def test_types_are_shipped() -> None:
    assert (PACKAGE / "py.typed").is_file()
