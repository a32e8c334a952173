"""The notices that those whose work is compiled into the guest ask to see beside it."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import TYPE_CHECKING

from guest.build import bundles
from guest.build.workshop import BuildError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

FILE = "NOTICES.txt"

WASI_LIBC = Path("lib", "libc", "wasi")
"""Where the zig wheel keeps the C library that is linked into the engine."""

RULE = "=" * 80

UNICODE = """\
The data of Intl (patterns, names, time zones, collation) are made from Unicode CLDR and the IANA time zone database, as
ICU in the pinned Node answers. Copyright 1991 and later Unicode, Inc. License: Unicode-3.0 (SPDX)."""
"""No package that the build uses carries the license's own words."""


def write_notices(upstream: Path, packages: Path, bundles_made: Sequence[Path], out: Path) -> None:
    """Writes *out*/NOTICES.txt, a part for each notice: the works it is of, and its words."""
    parts = [
        ("QuickJS-ng", _leading_comment(upstream / "quickjs.c")),
        ("ada", (upstream / "ada_url.LICENSE").read_text(encoding="utf-8")),
        *((f"Zig, {name}", text) for name, text in _zig_notices()),
        *_npm_notices(packages, bundles_made),
        ("Unicode CLDR and ICU", UNICODE),
    ]
    # Many packages have one author, or one license word for word.
    works: dict[str, list[str]] = {}
    for name, notice in parts:
        works.setdefault(notice.strip(), []).append(name)
    text = "".join(
        f"{RULE}\n{chr(10).join(names)}\n{RULE}\n\n{notice}\n\n" for notice, names in works.items()
    )
    (out / FILE).write_text(text, encoding="utf-8")


def _leading_comment(source: Path) -> str:
    text = source.read_text(encoding="utf-8")
    start, end = text.find("/*"), text.find("*/")
    if start != 0 or "Copyright" not in text[:end]:
        raise BuildError(f"{source.name} does not open with its copyright")
    return "\n".join(line.removeprefix(" *").removeprefix(" ") for line in text[2:end].splitlines())


def _zig_notices() -> Iterator[tuple[str, str]]:
    spec = importlib.util.find_spec("ziglang")
    if spec is None or spec.origin is None:
        raise BuildError("ziglang is not installed in this environment")
    home = Path(spec.origin).parent
    yield "standard library", (home / "LICENSE").read_text(encoding="utf-8")
    for notice in ("LICENSE-MIT", "libc-top-half/musl/COPYRIGHT", "libc-bottom-half/cloudlibc/LICENSE"):
        yield f"wasi-libc {notice}", (home / WASI_LIBC / notice).read_text(encoding="utf-8")
    for library in ("libcxx", "libcxxabi"):
        yield library, (home / "lib" / library / "LICENSE.TXT").read_text(encoding="utf-8")


def _npm_notices(packages: Path, bundles_made: Sequence[Path]) -> Iterator[tuple[str, str]]:
    """Of every package of which something is in a bundle; *bundles_made* are the directories that tell."""
    locked = json.loads((packages / "package-lock.json").read_text())["packages"]
    notices = {}
    places = {place for made in bundles_made for place in json.loads((made / bundles.BUNDLED).read_text())}
    for place in sorted(places):
        entry = locked[place]
        notices[f"{place.rpartition('node_modules/')[2]} {entry['version']}"] = _notice(
            packages / place, entry
        )
    yield from sorted(notices.items())


def _notice(package: Path, entry: dict[str, str]) -> str:
    for path in sorted(package.iterdir()):
        if path.is_file() and path.name.lower().startswith(("license", "licence", "copying")):
            return path.read_text(encoding="utf-8", errors="replace")
    return f"License: {entry.get('license', 'the package names none')}"
