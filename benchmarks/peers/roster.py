"""The list of contestants: what each is, and how it is created for a function of the workload."""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from benchmarks.peers import install
from benchmarks.peers.child import Child
from benchmarks.peers.contestants import Headgate, HeadgateLists, Native, NativeFresh, image_of
from benchmarks.peers.served import PROGRAMS, Workerd
from benchmarks.workload import DIRECTORY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from benchmarks.peers.contestants import Contestant
    from benchmarks.workload import Work
    from headgate_runtime import Executor
    from headgate_runtime.function import Isolation

Engine = Literal["Headgate", "native", "Wasm", "V8"]
"""What a peer runs: Headgate, QuickJS as machine code, QuickJS as Wasm, or V8 with its compilers."""

WARM, WARM_LISTS = "Headgate, warm", "Headgate, warm, lists of 64"
HERMETIC, HERMETIC_LISTS = "Headgate, hermetic", "Headgate, hermetic, lists of 64"


class Peer(NamedTuple):
    """
    fresh     whether every event finds a new state
    make      creates the contestant for the workload and the name of a function; raises Missing and Failed
    """

    kind: str
    engine: Engine
    fresh: bool
    make: Callable[[Work, str], Contestant]


def _isolated_vm() -> list[str | Path]:
    # The package asks for the flag.
    return [install.node(), "--no-node-snapshot", PROGRAMS / "isolated_vm.mjs", install.node_modules()]


def _quickjs_wasi() -> list[str | Path]:
    return [install.node(), PROGRAMS / "quickjs_wasi.mjs", install.node_modules()]


def _deno() -> list[str | Path]:
    options = ["--quiet", "--no-lock", "--no-config", "--allow-all", "--unstable-worker-options"]
    return [install.deno(), "run", *options, PROGRAMS / "deno.mjs", install.node_modules()]


def _mini_racer() -> list[str | Path]:
    return [sys.executable, "-m", "benchmarks.peers.programs.racer", install.python_packages()]


def _component() -> list[str | Path]:
    return [sys.executable, "-m", "benchmarks.peers.programs.component", install.components()]


def _child(kind: str, mode: str, command: Callable[[], list[str | Path]], _: Work, name: str) -> Contestant:
    return Child(kind, name, [*command(), DIRECTORY, name, mode])


def _workerd(kind: str, mode: str, work: Work, name: str) -> Contestant:
    return Workerd(kind, name, install.workerd(), mode, work)


def _peers(
    title: str, engine: Engine, modes: tuple[str, ...], command: Callable[[], list[str | Path]] | None
) -> Iterator[Peer]:
    """A peer per mode. Without a *command* it is workerd, which is a server."""
    for mode in modes:
        kind = f"{title}, {mode}"
        make = partial(_workerd, kind, mode) if command is None else partial(_child, kind, mode, command)
        yield Peer(kind, engine, mode != "warm", make)


def ours(executor: Executor) -> list[Peer]:
    """Headgate itself, with the sandboxes of *executor*."""

    def make(kind: str, isolation: Isolation, way: type[Headgate], work: Work, name: str) -> Contestant:
        function = executor.function(image_of(work.sources[name]), work.settings, isolation=isolation)
        return way(kind, work, name, executor, function)

    ways: list[tuple[str, Isolation, type[Headgate]]] = [
        (WARM, "warm", Headgate),
        (WARM_LISTS, "warm", HeadgateLists),
        (HERMETIC, "hermetic", Headgate),
        (HERMETIC_LISTS, "hermetic", HeadgateLists),
    ]
    return [
        Peer(kind, "Headgate", isolation == "hermetic", partial(make, kind, isolation, way))
        for kind, isolation, way in ways
    ]


INCLUDED: Final = (
    Peer(Native.kind, "native", fresh=False, make=Native),
    Peer(NativeFresh.kind, "native", fresh=True, make=NativeFresh),
)
"""Run in this process, from a package that the tests also use."""

FETCHED: Final = (
    *_peers("quickjs-wasi", "Wasm", ("warm", "restored", "fresh"), _quickjs_wasi),
    *_peers("componentize-qjs", "Wasm", ("warm", "fresh"), _component),
    *_peers("isolated-vm", "V8", ("warm", "fresh context", "fresh isolate"), _isolated_vm),
    *_peers("mini-racer", "V8", ("warm", "fresh"), _mini_racer),
    *_peers("Deno worker", "V8", ("warm", "fresh"), _deno),
    *_peers("workerd", "V8", ("warm", "fresh isolate"), None),
)
"""Run in processes of their own, from packages that are installed when they are first measured."""

ISOLATED_VM: Final = "isolated-vm, warm"
