"""
Servers that take an event or an array of events by HTTP and answer with what a function makes of it. A Transformer is
one of them, running; `CONTESTANTS` says who there is.
"""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from benchmarks.load import manifest
from benchmarks.load.testbed import pinned
from benchmarks.peers import install
from benchmarks.peers.child import Failed, process_cpu_s
from benchmarks.peers.served import PROGRAMS
from benchmarks.workload import DIRECTORY
from headgate.demo.server import ChildServer
from headgate.paths import DataDirectory
from headgate.registry.bootstrap import bootstrap
from headgate.registry.snapshot_store import SnapshotStore
from headgate.registry.store import Registry

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from benchmarks.workload import Work

HEADGATE, HERMETIC = "Headgate, warm", "Headgate, hermetic"
WORKERD: Final = "workerd"
ECHO: Final = "bare uvicorn, echo"


class Transformer:
    """
    *url* takes POST with *headers*; *pid* is the process whose time counts. `close` ends it. Outputs are taken out of
    answers as they stand there, to the byte.
    """

    def __init__(self, url: str, pid: int, headers: Mapping[str, str], close: Callable[[], None]) -> None:
        self.url = url
        self.headers = headers
        self.close = close
        self._pid = pid

    def cpu_s(self) -> float:
        return process_cpu_s(self._pid)

    def output(self, body: bytes) -> bytes | None:
        """In the answer to an event."""
        return body or None

    def many(self, body: bytes, outputs: Sequence[bytes | None]) -> list[bytes | None]:
        """In the answer to an array whose events had *outputs* one by one; the whole where it is not made of these."""
        wanted = b"[%b]" % b",".join(output or b"null" for output in outputs)
        return [*outputs] if body == wanted else [body]


_OUTCOME: Final = re.compile(
    rb'\{"outcome":"(\w+)",[^{]*?"message":("[^"]*"|null),"stack":(?:"[^"]*"|null),"output":(.*?),"logs":\[\],'
    rb'"fuel":\d+,"ms":[\d.]+\}',
    re.DOTALL,
)


class _Ours(Transformer):
    def output(self, body: bytes) -> bytes | None:
        found = self.many(body, ())
        return found[0] if len(found) == 1 else body

    def many(self, body: bytes, outputs: Sequence[bytes | None]) -> list[bytes | None]:  # noqa: ARG002 - finds them itself
        found: list[bytes | None] = []
        for name, message, output in _OUTCOME.findall(body):
            dropped = None if name == b"filtered" else name + b": " + message
            found.append(output if name == b"forward" else dropped)
        return found


class Kind(NamedTuple):
    """A contestant. *make* starts it for a function, on the given cores; raises Missing and Failed."""

    name: str
    make: Callable[[Work, str, frozenset[int]], Transformer]


def _headgate(isolation: str, work: Work, name: str, side: frozenset[int]) -> Transformer:
    stack = contextlib.ExitStack()
    try:
        root = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        data = DataDirectory(root / "data")
        data.create()
        with Registry.open(data) as registry:
            token = bootstrap(registry)
        manifest.apply(root, _manifest(work, name, isolation))
        with Registry.open(data) as registry:
            (destination,) = SnapshotStore(registry).load().destinations.values()
        instance = destination.instance
        assert instance is not None
        with pinned(side):
            server = stack.enter_context(ChildServer(data.root))
        url = f"{server.url}/v1/functions/{instance.function}/invoke?instanceId={instance.id}"
        return _Ours(url, server.pid, {"authorization": f"Bearer {token}"}, stack.close)
    except BaseException:
        stack.close()
        raise


def _manifest(work: Work, name: str, isolation: str) -> str:
    given = {key: str(value) for key, value in json.loads(work.settings).items()}
    labels = ", ".join(f"{{ name = {json.dumps(key)} }}" for key in given)
    values = ", ".join(f"{key} = {json.dumps(value)}" for key, value in given.items())
    return "\n".join(
        (
            '[workspace]\nslug = "default"',
            '[[sources]]\nslug = "bench"\nwrite_keys = ["bench"]',
            f'[[functions]]\nname = "{name}"\nisolation = "{isolation}"\nsettings = [{labels}]',
            f"code = {json.dumps(work.sources[name])}",
            '[[destinations]]\nname = "out"\nsource = "bench"\nkind = "sink"\npath = "out.jsonl"',
            f'function = {{ name = "{name}", settings = {{ {values} }} }}',
        )
    )


def _begun(
    make: Callable[[Work, str, Path], Sequence[str | Path]],
    port: Callable[[Any], int | None],
    work: Work,
    name: str,
    side: frozenset[int],
) -> Transformer:
    """Started with the command that *make* gives for a folder of its own; *port* knows it in a line of JSON on stdout."""
    stack = contextlib.ExitStack()
    try:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        command = make(work, name, folder)
        complaints = stack.enter_context((folder / "complaints").open("wb"))
        with pinned(side):
            process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=complaints)
        stack.callback(_end, process)
        url = f"http://127.0.0.1:{_announced(process, port, folder)}/"
        return Transformer(url, process.pid, {}, stack.close)
    except BaseException:
        stack.close()
        raise


def _announced(process: subprocess.Popen[bytes], port: Callable[[Any], int | None], folder: Path) -> int:
    assert process.stdout is not None
    for line in process.stdout:
        found = port(json.loads(line))
        if found is not None:
            return found
    said = (folder / "complaints").read_text().splitlines()
    raise Failed(said[-1] if said else "it ended")


def _end(process: subprocess.Popen[bytes]) -> None:
    assert process.stdout is not None
    process.terminate()
    process.wait()
    process.stdout.close()


def _plain_port(line: Any) -> int | None:
    return int(line["port"])


def _workerd_port(line: Any) -> int | None:
    return int(line["port"]) if line["event"] == "listen" else None


_CAPNP: Final = """
using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [ (name = "transform", worker = .transform) ],
  sockets = [ (name = "http", address = "127.0.0.1:0", http = (), service = "transform") ],
);
const transform :Workerd.Worker = (
  modules = [ (name = "worker.js", esModule = embed "worker.js"), (name = "settings", json = embed "settings.json") ],
  compatibilityDate = "2026-01-01",
);
"""


def _workerd(work: Work, name: str, folder: Path) -> list[str | Path]:
    program = install.workerd()
    parts = [(PROGRAMS / part).read_text() for part in ("transform_workerd.js", "transform.js")]
    (folder / "worker.js").write_text("\n".join([*parts, work.sources[name]]))
    (folder / "workerd.capnp").write_text(_CAPNP)
    shutil.copy(DIRECTORY / "settings.json", folder)
    return [program, "serve", "--control-fd=1", "workerd.capnp"]


def _script(work: Work, name: str) -> str:
    """Defines answer."""
    head = f"class DropEvent extends Error {{}}\nconst settings = {work.settings.decode()};"
    return "\n".join([head, work.sources[name], (PROGRAMS / "transform.js").read_text()])


def _deno(work: Work, name: str, folder: Path) -> list[str | Path]:
    script = folder / "script.mjs"
    script.write_text(_script(work, name) + "\nexport { answer };\n")
    options = ["--quiet", "--no-lock", "--no-config", "--allow-net=127.0.0.1", "--allow-read"]
    return [install.deno(), "run", *options, PROGRAMS / "transform_deno.mjs", script.as_uri()]


def _node(work: Work, name: str, folder: Path) -> list[str | Path]:
    script = folder / "script.js"
    script.write_text(_script(work, name))
    program = PROGRAMS / "transform_node.mjs"
    return [install.node(), "--no-node-snapshot", program, install.node_modules(), script]


def _echo(work: Work, name: str, folder: Path) -> list[str | Path]:  # noqa: ARG001 - it does nothing with them
    return [sys.executable, PROGRAMS / "echo.py"]


CONTESTANTS: Final = (
    Kind(HEADGATE, partial(_headgate, "warm")),
    Kind(HERMETIC, partial(_headgate, "hermetic")),
    Kind(WORKERD, partial(_begun, _workerd, _workerd_port)),
    Kind("Deno, node:http", partial(_begun, _deno, _plain_port)),
    Kind("Node http, isolated-vm", partial(_begun, _node, _plain_port)),
    Kind(ECHO, partial(_begun, _echo, _plain_port)),
)
