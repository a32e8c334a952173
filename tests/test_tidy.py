"""Rules for the source tree itself, held by reading it."""

from __future__ import annotations

import json
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

LINES_MAX = 600
"""At 400 lines look for the second noun in a file, at 600 part it."""

BLOB_BYTES_MAX = 512 * 1024
"""What is larger is data or a build's result, and is fetched or made."""

TOP_FOLDERS = ("guest", "runtime", "src", "tests", "benchmarks")

SOURCES = {".c", ".css", ".h", ".html", ".js", ".md", ".py", ".sh", ".sql", ".toml", ".ts", ".zig"}

NPM_FOLDERS = (
    "benchmarks/peers",
    "guest",
    "guest/types",
    "tests/acceptance/api/node",
    "tests/conformance",
    "tests/headgate/tracking/node",
)

LOCKS = ("requirements/*.txt", *(f"{folder}/package-lock.json" for folder in NPM_FOLDERS))


def tracked() -> list[Path]:
    """Every file that git would commit: those it has, and new ones that it does not ignore."""
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
    ).stdout.decode()
    return [path for name in sorted(filter(None, listing.split("\0"))) if (path := ROOT / name).is_file()]


def sources() -> list[Path]:
    return [path for path in tracked() if path.suffix in SOURCES or path.name in {"Makefile", "run"}]


def offences(pattern: str, paths: list[Path], *, flags: int = 0) -> list[str]:
    """`file:line: text` of every line in *paths* which *pattern* is found in."""
    wanted = re.compile(pattern, flags)
    return [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in paths
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if wanted.search(line)
    ]


def others(paths: list[Path]) -> list[Path]:
    """*paths* without this file, which names what it looks for."""
    return [path for path in paths if path != Path(__file__).resolve()]


def test_there_is_a_tree_to_look_at() -> None:
    names = {path.relative_to(ROOT).as_posix() for path in sources()}

    assert {"Makefile", "guest/build/engine.py", "tests/test_tidy.py"} <= names


def test_files_are_short() -> None:
    long = {
        path.relative_to(ROOT).as_posix(): lines
        for path in sources()
        if (lines := len(path.read_text().splitlines())) > LINES_MAX
    }

    assert long == {}


def test_nothing_large_is_committed() -> None:
    large = [path for path in tracked() if path.stat().st_size > BLOB_BYTES_MAX]

    assert large == []


def test_no_machine_path_is_named() -> None:
    assert (
        offences(r"(?<![\w.$])/(?:home|root|Users|work|private|opt|mnt|var/folders)/\w", others(sources()))
        == []
    )


def test_nothing_is_left_to_do() -> None:
    assert offences(r"\b(?:TODO|FIXME|XXX|HACK|WIP)\b", others(sources())) == []


def test_no_conflict_is_left() -> None:
    assert offences(r"^(?:<{7}|>{7})(?: |$)", others(sources())) == []


def test_lines_end_cleanly() -> None:
    assert offences(r"[ \t\r]$", [path for path in sources() if path.suffix != ".md"]) == []
    assert [path for path in sources() if (text := path.read_text()) and not text.endswith("\n")] == []


@pytest.mark.parametrize("pattern", LOCKS)
def test_locks_hold_hashes_and_no_addresses(pattern: str) -> None:
    found = sorted(ROOT.glob(pattern))

    assert found
    assert (
        offences(r"https?:|file:|git\+|--index-url|--extra-index-url|--find-links|\"resolved\"", found) == []
    )


@pytest.mark.parametrize("lock", sorted(ROOT.glob("requirements/*.txt")), ids=lambda path: path.name)
def test_every_python_package_is_pinned_by_hash(lock: Path) -> None:
    text = "\n".join(line for line in lock.read_text().splitlines() if not line.startswith("#"))
    entries = re.split(r"\n(?=\S)", text)

    assert [
        entry for entry in entries if not re.match(r"[\w.-]+==\S+[^\n]*\\\n +--hash=sha256:", entry)
    ] == []


@pytest.mark.parametrize("folder", NPM_FOLDERS)
def test_every_npm_package_is_pinned_by_hash(folder: str) -> None:
    packages = json.loads((ROOT / folder / "package-lock.json").read_text())["packages"]

    assert len(packages) > 1
    assert [name for name, entry in packages.items() if name and not entry.get("integrity")] == []


def test_lock_and_project_agree() -> None:
    """Exact pins of pyproject.toml are the pins of the locks, too."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    groups = project["dependency-groups"].values()
    wanted = [*project["build-system"]["requires"], *project["project"]["dependencies"]]
    wanted += [entry for group in groups for entry in group if isinstance(entry, str)]
    lock = (ROOT / "requirements" / "dev.txt").read_text()

    assert [entry for entry in wanted if "==" in entry and f"{entry} " not in lock] == []
    engine = (ROOT / "requirements" / "engine.txt").read_text()
    assert [entry for entry in project["dependency-groups"]["bench"] if f"{entry} " not in engine] == []


@pytest.mark.parametrize("folder", TOP_FOLDERS)
def test_each_top_folder_says_what_it_promises(folder: str) -> None:
    readme = ROOT / folder / "README.md"

    assert readme.is_file()
    assert readme.read_text().startswith("# ")


def test_every_top_folder_is_known() -> None:
    folders = {path.relative_to(ROOT).parts[0] for path in tracked() if path.parent != ROOT}

    assert folders <= {*TOP_FOLDERS, ".ci", "examples", "requirements"}


def test_changelog_and_version_agree() -> None:
    """What is not released yet has its own section; the newest release, if any, is the version of the project."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    headings = re.findall(r"^## \[(.+?)\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    released = [heading for heading in headings if heading != "Unreleased"]

    assert headings[0] == "Unreleased"
    assert released[:1] in ([], [version])


IMPORTS_ALLOWED = {
    "runtime/headgate_runtime": {"headgate_runtime"},
    "src/headgate": {"headgate", "headgate_runtime"},
    "guest/build": {"guest", "headgate_runtime"},
}


@pytest.mark.parametrize("package", IMPORTS_ALLOWED)
def test_imports_point_one_way(package: str) -> None:
    forbidden = {"headgate", "headgate_runtime", "guest", "tests", "benchmarks"} - IMPORTS_ALLOWED[package]
    pattern = rf"^\s*(?:from|import) (?:{'|'.join(sorted(forbidden))})(?:\.| |$)"

    assert offences(pattern, sorted((ROOT / package).rglob("*.py"))) == []
