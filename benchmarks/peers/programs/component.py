"""
QuickJS as a component in wasmtime-py: `python -m benchmarks.peers.programs.component COMPONENTS WORKLOAD NAME MODE`.

wasmtime-py reserves no pool of memories for components; with one, set by its private names, the figures were the same.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, cast

import wasmtime
from wasmtime import component

from benchmarks.peers.programs.serve import events, serve

if TYPE_CHECKING:
    from collections.abc import Callable


def main(components: Path, workload: Path, name: str, mode: str) -> None:
    engine = wasmtime.Engine()
    made = component.Component(engine, (components / f"{name}.wasm").read_bytes())
    linker = component.Linker(engine)

    def entered() -> Callable[[str], str | None]:
        store = wasmtime.Store(engine)
        handle = linker.instantiate(store, made).get_func(store, "handle")
        assert handle is not None

        def one(text: str) -> str | None:
            output = handle(store, text)
            handle.post_return(store)
            return cast("str | None", output)

        return one

    def fresh(text: str) -> str | None:
        return entered()(text)

    serve(events(workload), entered() if mode == "warm" else fresh)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), *sys.argv[3:])
