"""Applies a manifest (`headgate.toml`) to a data directory."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def apply(root: Path, text: str) -> None:
    """Applies the manifest *text* to the data directory `root/data`, which is created if it does not exist."""
    (root / "headgate.toml").write_text(text)
    program = "import sys; from headgate.cli import main; sys.exit(main())"
    command = [sys.executable, "-c", program, "apply", "--yes", "--data", str(root / "data")]
    subprocess.run(command, cwd=root, check=True, stdout=subprocess.DEVNULL)
