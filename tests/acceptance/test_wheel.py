"""The wheel: built from the tree, installed in an empty environment with no compiler, and put to work there."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import zipfile
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

PIP = ("-m", "pip", "--quiet", "--disable-pip-version-check", "--no-input")

MASK = """\
function onTrack(event, settings) {
    event.properties.email = settings.mask;
    event.properties.names = _.sortBy(event.properties.names);
    return event;
}
"""

EVENT = {
    "type": "track",
    "event": "Signed Up",
    "properties": {"email": "ada@example.com", "names": ["b", "a"]},
}


def run(*command: str | Path, cwd: Path, path: str | None = None) -> str:
    """Standard output of *command*, which must succeed, with *path* as the only place to find programs if given."""
    environment = dict(os.environ) if path is None else {"PATH": path, "HOME": str(cwd)}
    environment.pop("PYTHONPATH", None)
    done = subprocess.run(
        [str(part) for part in command], cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("wheel")
    run(sys.executable, *PIP, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", out, ROOT, cwd=out)
    (built,) = out.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of an environment which holds the wheel and what it depends on, and nothing else."""
    home = tmp_path_factory.mktemp("environment")
    run(sys.executable, "-m", "venv", "--without-pip", home, cwd=home)
    (packages,) = home.glob("lib/*/site-packages")
    for name, pin in pins("runtime").items():
        # One for other platforms only is not here; whoever misses it says so.
        with contextlib.suppress(PackageNotFoundError):
            bring(distribution(name), pin, packages)
    run(*inside(home), "install", "--no-compile", "--no-deps", "--no-index", wheel, cwd=home)
    return home / "bin"


def pins(lock: str) -> dict[str, str]:
    """What a lock says of each package: version, platforms, hashes."""
    lines = (ROOT / "requirements" / f"{lock}.txt").read_text().replace("\\\n", " ").splitlines()
    return {line.partition("==")[0]: " ".join(line.split()) for line in lines if line}


def bring(package: Distribution, pin: str, to: Path) -> None:
    """
    The files of *package* as they are in the environment of the tests, which pip made of dev.txt: downloading and
    unpacking them anew takes longer than all else here.
    """
    assert f"=={package.version} " in pin
    for file in package.files or ():
        if ".." not in file.parts:  # a program
            place = to / file
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(str(package.locate_file(file)), place)


def inside(home: Path) -> tuple[str | Path, ...]:
    """pip, working on the environment in *home*."""
    return sys.executable, *PIP, "--python", home / "bin" / "python"


def test_the_wheel_is_for_every_platform(wheel: Path) -> None:
    assert wheel.name.endswith("-py3-none-any.whl")


def test_the_wheel_holds_the_guest_and_no_sources_of_it(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())

    guest = "headgate_runtime/_guest"
    assert {f"{guest}/engine.wasm", f"{guest}/base.wasm", f"{guest}/libraries/lodash.bytecode"} <= names
    assert {f"{guest}/types/headgate.d.ts", "headgate/templates/default.ts"} <= names
    assert {name.split("/")[0].partition("-")[0] for name in names} == {"headgate", "headgate_runtime"}
    assert [name for name in names if name.endswith((".c", ".h", ".zig", ".so", ".pyc", ".new"))] == []


def test_what_the_wheel_needs_is_what_was_installed_by_its_hash() -> None:
    needed, tested = pins("runtime"), pins("dev")

    assert needed
    assert {name: tested[name] for name in needed} == needed


def test_the_lock_satisfies_the_wheel(installed: Path, tmp_path: Path) -> None:
    run(*inside(installed.parent), "check", cwd=tmp_path)


def test_a_function_runs_where_there_is_no_compiler(installed: Path, tmp_path: Path) -> None:
    (tmp_path / "mask.js").write_text(MASK)
    (tmp_path / "settings.json").write_text('{"mask": "***"}')
    (tmp_path / "events.jsonl").write_text(json.dumps(EVENT) + "\n")

    shown = run(
        *(installed / "headgate", "run", "mask.js", "events.jsonl", "--settings", "settings.json"),
        cwd=tmp_path,
        path=str(installed),
    )

    assert json.loads(shown) == EVENT | {"properties": {"email": "***", "names": ["a", "b"]}}


def test_the_environment_uses_the_wheel_and_not_the_tree(installed: Path, tmp_path: Path) -> None:
    where = run(
        *(
            installed / "python",
            "-c",
            "import headgate, headgate_runtime as r; print(headgate.__file__, r.__file__)",
        ),
        cwd=tmp_path,
        path=str(installed),
    )

    assert all(str(installed.parent) in name for name in where.split())
