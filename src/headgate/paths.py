"""The data directory: which file in it is what. Nothing else names them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

DEFAULT: Final = "headgate-data"
"""Where data lies unless --data or HEADGATE_DATA say otherwise: below the working directory."""

_QUEUE: Final = re.compile(r"queue-(\d+)\.sqlite")
_SAMPLES: Final = re.compile(r"samples-(\d+)\.sqlite")


class DataDirectory:
    """
    The files of one installation below *root*:

        registry.sqlite     workspaces, sources, destinations, functions (headgate.registry)
        revision            8 bytes shared by all processes: how far the registry has come
        master.key          what secrets in the registry are sealed with
        queue-N.sqlite      the queue of worker N, from 0
        samples-N.sqlite    failures to be looked at, and usage, of worker N
        worker-N.sock       where the command line reaches worker N of a running server
        sinks/              where sinks with a relative path write
        lock                held by the server, so that there is one
    """

    def __init__(self, root: str | Path) -> None:
        self.root = Path(root)
        self.registry = self.root / "registry.sqlite"
        self.revision = self.root / "revision"
        self.master_key = self.root / "master.key"
        self.sinks = self.root / "sinks"
        self.lock = self.root / "lock"

    def __str__(self) -> str:
        return str(self.root)

    def create(self) -> None:
        """Makes the directory, for its owner only, if it is not there. Raises OSError."""
        self.root.mkdir(mode=0o700, parents=True, exist_ok=True)

    def queue(self, worker: int) -> Path:
        return self.root / f"queue-{worker}.sqlite"

    def samples(self, worker: int) -> Path:
        return self.root / f"samples-{worker}.sqlite"

    def all_samples(self) -> dict[int, Path]:
        """By worker; those of workers that no longer exist, too."""
        found = ((_SAMPLES.fullmatch(path.name), path) for path in self.root.iterdir())
        return dict(sorted((int(match[1]), path) for match, path in found if match))

    def control(self, worker: int) -> Path:
        return self.root / f"worker-{worker}.sock"

    def queues(self) -> dict[int, Path]:
        """The queues there are, by worker; those of workers that no longer exist, too."""
        found = ((_QUEUE.fullmatch(path.name), path) for path in self.root.iterdir())
        return dict(sorted((int(match[1]), path) for match, path in found if match))
