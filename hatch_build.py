"""Makes `pip wheel .` build the guest first, so that the wheel holds it and installs where there is no compiler."""

from __future__ import annotations

import os
import sys
import tomllib
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

ROOT = Path(__file__).resolve().parent
RUNTIME = ROOT / "runtime"

sys.path[:0] = [str(ROOT), str(RUNTIME)]

from guest.build.digests import is_current  # noqa: E402 - found by the line above
from guest.build.sources import Tree, cache_directory, pinned_tools  # noqa: E402
from guest.build.workshop import Workshop  # noqa: E402


class GuestBuildHook(BuildHookInterface[Any]):
    def dependencies(self) -> list[str]:
        """What building the guest takes, and nothing where it is built already."""
        if is_current(Tree(), Tree().output):
            return []
        project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
        return ["pip", *pinned_tools(), *project["dependencies"]]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 - hatchling's signature
        # An editable install comes before the guest in `make build`, which then builds it with progress shown.
        if version == "editable":
            return
        tree = Tree()
        if not is_current(tree, tree.output):
            # Only where it is needed: it loads wasmtime, which the environment else does not hold.
            from guest.build.pipeline import build_guest  # noqa: PLC0415

            build_guest(tree, tree.output, Workshop(cache_directory(os.environ)))
