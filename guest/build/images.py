"""The base image: the memory of an engine that has evaluated the prelude, written by the runtime itself."""

from __future__ import annotations

import ast
import os
import shutil
import sys
from typing import TYPE_CHECKING

from guest.build.workshop import BuildError

if TYPE_CHECKING:
    from pathlib import Path

    from guest.build.workshop import Workshop

PACKAGE = "headgate_runtime"
BAKE = "bake"


def bake_base(shop: Workshop, runtime: Path, files: dict[str, Path], training: Path, out: Path) -> None:
    """
    Boots the engine of *files* (by their places: engine.wasm, boot.wasm, prelude.js, libraries/*, parts/*), evaluates the
    prelude, and keeps the memory as *out*/base.wasm; the scripts of libraries and parts become bytecode beside it. The
    functions in *training* show which of that memory events write to.
    """
    if not (runtime / PACKAGE / f"{BAKE}.py").is_file():
        raise BuildError(f"{PACKAGE} has no module {BAKE}, which makes the base image")
    guest = out / "guest"
    for place, file in files.items():
        (guest / place).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, guest / place)
    shutil.copytree(training, guest / "training")
    path = os.pathsep.join(filter(None, [str(runtime), os.environ.get("PYTHONPATH", "")]))
    shop.run([sys.executable, "-m", f"{PACKAGE}.{BAKE}", guest], cwd=out, env={"PYTHONPATH": path})
    base = guest / "base.wasm"
    if not base.is_file():
        raise BuildError(f"{PACKAGE}.{BAKE} wrote no base.wasm")
    for made in (base, *guest.glob("*/*.bytecode")):
        target = out / made.relative_to(guest)
        target.parent.mkdir(exist_ok=True)
        made.rename(target)
    shutil.rmtree(guest)


def modules_of_bake(runtime: Path) -> list[Path]:
    """
    The files of headgate_runtime that baking runs through: `bake` and what it imports, directly or not. They are
    inputs of the base image; the rest of the package is free to change without a new one.
    """
    package = runtime / PACKAGE
    found: dict[str, Path] = {}
    wanted = [BAKE]
    while wanted:
        name = wanted.pop()
        path = package / f"{name.replace('.', '/')}.py"
        if name not in found and path.is_file():
            found[name] = path
            wanted += _imported(ast.parse(path.read_text()))
    return [found[name] for name in sorted(found)]


def _imported(tree: ast.Module) -> list[str]:
    """Modules of the package which *tree* names in an import; some of the names may be no modules."""
    names = []
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            top, _, rest = node.module.partition(".")
            if top == PACKAGE:
                names += [rest] if rest else []
                names += [f"{rest}.{alias.name}" if rest else alias.name for alias in node.names]
        elif isinstance(node, ast.Import):
            names += [
                alias.name.partition(".")[2] for alias in node.names if alias.name.startswith(f"{PACKAGE}.")
            ]
    return names
