"""The TypeScript compiler that the declarations of guest/types are checked with."""

from __future__ import annotations

import os
from pathlib import Path

from guest.build import bundles
from guest.build.sources import ROOT, cache_directory
from guest.build.workshop import Workshop, digest_of

TYPES = ROOT / "guest" / "types"


def compiler() -> Path:
    """The pinned package typescript, fetched into the build's cache the first time."""
    shop = Workshop(cache_directory(os.environ))
    manifests = [TYPES / "package.json", TYPES / "package-lock.json", ROOT / "guest" / ".npmrc"]
    with shop.exclusive():
        packages = shop.step(
            "npm packages of guest/types",
            "typescript",
            digest_of(*manifests),
            lambda out: bundles.install_packages(shop, manifests, out),
        )
    return packages / "node_modules" / "typescript"
