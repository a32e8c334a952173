"""The inputs: our directories, the pinned tools, and the engine's C sources, which are fetched by name and hash."""

from __future__ import annotations

import re
import sys
import tarfile
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from guest.build.workshop import BuildError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from guest.build.workshop import Workshop

ROOT = Path(__file__).resolve().parents[2]
"""The checkout, or the unpacked source distribution."""

CACHE_VARIABLE = "HEADGATE_CACHE"
"""Environment variable which moves the cache out of the checkout."""

UPSTREAM = {"quickjs-ng": "upstream-quickjs", "ada-url": "ada_url"}
"""The source distributions that the engine is made of, and the directory in each that holds its C or C++."""


@dataclass(frozen=True, slots=True)
class Tree:
    """The directories of a build; a test builds a tree of its own."""

    guest: Path = ROOT / "guest"
    runtime: Path = ROOT / "runtime"
    engine_lock: Path = ROOT / "requirements" / "engine.txt"

    @property
    def output(self) -> Path:
        """Where the runtime looks for the built guest."""
        return self.runtime / "headgate_runtime" / "_guest"

    @property
    def engine(self) -> Path:
        return self.guest / "engine"

    @property
    def prelude(self) -> Path:
        return self.guest / "prelude"

    @property
    def libraries(self) -> Path:
        return self.guest / "libraries"

    @property
    def training(self) -> Path:
        return self.guest / "training"

    @property
    def types(self) -> list[Path]:
        """Declarations, which are shipped as they are."""
        return sorted((self.guest / "types").glob("*.d.ts"))

    @property
    def npm(self) -> list[Path]:
        return [self.guest / name for name in ("package.json", "package-lock.json", ".npmrc")]


def cache_directory(environment: Mapping[str, str]) -> Path:
    named = environment.get(CACHE_VARIABLE)
    return Path(named).absolute() if named else ROOT / ".cache"


def pinned_tools() -> list[str]:
    """Requirements of what builds the guest: the dependency group `guest` of pyproject.toml."""
    group = tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]["guest"]
    return [str(requirement) for requirement in group]


def pin_of(tool: str) -> str:
    """The pinned requirement of *tool*, an input of every step which runs it."""
    for requirement in pinned_tools():
        if re.split(r"[=<>~!\[; ]", requirement)[0] == tool:
            return requirement
    raise BuildError(f"pyproject.toml pins no {tool} in the dependency group guest")


def fetch_engine(shop: Workshop, lock: Path, out: Path) -> None:
    """Downloads the source distributions that *lock* pins and lays their C and C++ sources into *out*."""
    downloads = out / "download"
    downloads.mkdir()
    shop.run(
        [
            *(
                sys.executable,
                "-m",
                "pip",
                "download",
                "--quiet",
                "--disable-pip-version-check",
                "--no-input",
            ),
            # pip asks the archive for its metadata; the pinned setuptools of this environment answers.
            *("--no-deps", "--no-build-isolation", "--no-binary", ",".join(UPSTREAM)),
            *("--require-hashes", "--requirement", lock, "--dest", downloads),
        ],
        cwd=out,
    )
    archives = list(downloads.iterdir())
    if len(archives) != len(UPSTREAM):
        raise BuildError(f"{lock.name} pins {len(archives)} archives, {len(UPSTREAM)} are wanted")
    for archive in archives:
        _unpack(archive, out)
        archive.unlink()
    downloads.rmdir()
    for wanted in ("quickjs.c", "ada.cpp"):
        if not (out / wanted).is_file():
            raise BuildError(f"the archives that {lock.name} pins hold no {wanted}")


def _unpack(path: Path, out: Path) -> None:
    """
    Lays the C and C++ sources of the archive at *path* into *out*, its licence as "<name of the archive>.LICENSE",
    and nothing else of it.
    """
    with tarfile.open(path) as archive:
        for member in archive:
            place = Path(member.name)
            if place.parent.name in UPSTREAM.values() and place.suffix in (".c", ".cpp", ".h"):
                name = place.name
            elif place.name == "LICENSE" and len(place.parts) == 2:
                name = f"{path.name.partition('-')[0]}.LICENSE"
            else:
                continue
            content = archive.extractfile(member)
            assert content is not None
            (out / name).write_bytes(content.read())
