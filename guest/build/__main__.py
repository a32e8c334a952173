"""`python -m guest.build`, from the top of the checkout: builds the guest into the runtime package."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from guest.build.digests import is_current
from guest.build.sources import CACHE_VARIABLE, Tree, cache_directory
from guest.build.workshop import BuildError, Workshop


def main() -> int:
    """Exit status: 0 the guest is built, 1 it cannot be, for the reason on standard error."""
    tree = Tree()
    parser = argparse.ArgumentParser(
        prog="python -m guest.build",
        description="Builds the guest, or what of it is out of date.",
        epilog=f"{CACHE_VARIABLE} in the environment moves the cache out of the checkout.",
    )
    parser.add_argument(
        "--guest", type=Path, default=tree.guest, help="sources of the guest (default: guest/)"
    )
    parser.add_argument("--output", type=Path, default=tree.output, help="default: into the runtime package")
    arguments = parser.parse_args()
    tree = Tree(guest=arguments.guest.resolve())
    output = arguments.output.resolve()
    if is_current(tree, output):
        print("guest: up to date", file=sys.stderr)
        return 0
    # The steps load the runtime and wasmtime with it, which a guest that is up to date can do without.
    from guest.build.pipeline import build_guest  # noqa: PLC0415

    try:
        build_guest(tree, output, Workshop(cache_directory(os.environ)))
    except BuildError as error:
        print(f"guest: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
