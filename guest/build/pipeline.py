"""
The steps in order:

1. engine sources   QuickJS-ng's C, from the source distribution pinned in requirements/engine.txt
2. npm packages     esbuild and the libraries, pinned in guest/package-lock.json
3. engine           guest/engine            -> engine.wasm, boot.wasm
4. prelude          guest/prelude           -> prelude.js, parts/*.js, parts/index.json; with the data of Intl, which
                    intl.mjs makes of FormatJS's and of Node's own
5. libraries        guest/libraries         -> scripts, libraries/index.json; and NOTICES.txt
6. base image       the engine with prelude -> base.wasm, laid out by what guest/training shows;
                    libraries/*.js          -> libraries/*.bytecode; parts/*.js likewise

and the copy of their results to where the runtime looks for them, with the declarations of guest/types as types/*.d.ts.
"""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

from guest.build import bundles, engine, images, notices, sources
from guest.build.digests import MANIFEST, contents_of, is_current, step_digests

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from guest.build.sources import Tree
    from guest.build.workshop import Workshop


def build_guest(tree: Tree, output: Path, shop: Workshop) -> bool:
    """Brings *output* up to date with *tree*; False if it was so already. BuildError says what went wrong."""
    if is_current(tree, output):
        return False
    with shop.exclusive():
        if is_current(tree, output):
            return False
        _install(_make(tree, shop), output, step_digests(tree)["result"])
    return True


def _make(tree: Tree, shop: Workshop) -> dict[str, Path]:
    """Runs the steps that are due; every output file by its place in the result."""
    digests = step_digests(tree)

    def step(label: str, name: str, build: Callable[[Path], None]) -> Path:
        return shop.step(label, name, digests[name], build)

    upstream = step(
        "[1/6] engine sources (QuickJS-ng)",
        "sources",
        lambda out: sources.fetch_engine(shop, tree.engine_lock, out),
    )
    packages = step(
        "[2/6] npm packages",
        "packages",
        lambda out: bundles.install_packages(shop, tree.npm, out),
    )
    linked = step(
        "[3/6] engine (C to Wasm, a minute or two the first time)",
        "linked",
        lambda out: engine.link_engine(shop, tree.engine, upstream, out),
    )
    split = step(
        "[3/6] engine's code and memory",
        "engine",
        lambda out: engine.make_engine(linked / "linked.wasm", out),
    )
    locales = step(
        "[4/6] data of Intl (a minute the first time)",
        "locales",
        lambda out: bundles.make_locales(shop, bundles.LOCALES, packages, out),
    )
    prelude = step(
        "[4/6] prelude",
        "prelude",
        lambda out: bundles.bundle_prelude(shop, tree.prelude, locales, packages, out),
    )
    libraries = step(
        "[5/6] libraries",
        "libraries",
        lambda out: bundles.bundle_libraries(shop, tree.libraries, packages, out),
    )
    thanks = step(
        "[5/6] notices of what is built in",
        "notices",
        lambda out: notices.write_notices(upstream, packages, (prelude, libraries), out),
    )
    files = {path.name: path for path in (split / "engine.wasm", split / "boot.wasm", prelude / "prelude.js")}
    for folder, made in (("libraries", libraries), ("parts", prelude / "parts")):
        files |= {f"{folder}/{path.name}": path for path in (*sorted(made.glob("*.js")), made / "index.json")}
    base = step(
        "[6/6] base image",
        "base",
        lambda out: images.bake_base(shop, tree.runtime, files, tree.training, out),
    )
    scripts = [place for place in files if "/" in place and place.endswith(".js")]
    baked = [*(f"{place.removesuffix('.js')}.bytecode" for place in scripts), "base.wasm"]
    files = {place: path for place, path in files.items() if place not in scripts}
    files |= {f"types/{path.name}": path for path in tree.types}
    return {**files, **{place: base / place for place in baked}, notices.FILE: thanks / notices.FILE}


def _install(files: dict[str, Path], output: Path, inputs: str) -> None:
    """Makes *output* hold exactly *files* and their manifest. A reader meanwhile sees old or new files, never halves."""
    output.mkdir(parents=True, exist_ok=True)
    (output / MANIFEST).unlink(missing_ok=True)
    for old in [path for path in output.rglob("*") if path.is_file()]:
        if old.relative_to(output).as_posix() not in files:
            old.unlink()
    for name, source in files.items():
        target = output / name
        target.parent.mkdir(exist_ok=True)
        fresh = target.with_name(f"{target.name}.new")
        shutil.copyfile(source, fresh)
        fresh.replace(target)
    manifest = {"inputs": inputs, "files": contents_of(output)}
    (output / MANIFEST).write_text(json.dumps(manifest, indent=2, sort_keys=True) + "\n")
