"""`headgate apply`: changes a workspace to what a file describes."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from headgate.cli.errors import IMPERFECT, OK, CommandError, file_error
from headgate.cli.registry import actor, opened
from headgate.cli.serve import add_data
from headgate.cli.terminal import Terminal, printable

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from headgate.registry.manifest.steps import Plan

MANIFEST: Final = "headgate.toml"

_COLOURS: Final = {"+": "green", "~": "yellow", "-": "red"}

_TEXT: Final = """\
Reads a workspace from FILE: sources, functions, destinations. Shows how it differs from the current state and, after
you confirm, applies all changes or none; a running server uses them from the next event on. Applying again changes nothing.

  [workspace]
  slug = "default"

  [[sources]]
  slug = "web"
  write_keys = [{ env = "WEB_WRITE_KEY" }]     # without: a new source gets one

  [[functions]]
  name = "Enrich"
  path = "enrich.js"                           # or .ts; relative to FILE
  settings = [{ label = "API Key", sensitive = true, required = true }]

  [[destinations]]
  name = "Warehouse"
  source = "web"
  kind = "webhook"                             # or "sink", with a path
  url = "https://warehouse.example/events"
  headers = { Authorization = { env = "WAREHOUSE_TOKEN" } }
  signing_secret = { env = "WAREHOUSE_SECRET" }
  filters = [{ if = "type = 'page'", actions = [{ type = "DROP" }] }]
  function = { name = "Enrich", settings = { apiKey = { env = "API_KEY" } } }

Further keys: of the workspace name, egress_allow, egress_deny (hosts and networks that its functions and webhooks may
or may not reach); of sources name, enabled; of functions description, logo_url, batch_max_count, isolation, time_ms, and of
their settings name, type, description; of webhooks method, batch_max_count, batch_wait_ms, rate_per_s, concurrency,
timeout_ms; of destinations, filters and function enabled; of filters title, description. A sink with a relative path
writes below `sinks` in the data directory.

What FILE does not name stays as it is, or goes with --prune: sources, functions and destinations; the filters or the
function of a destination that has no such key; write keys; secrets. For the rest, a key that is absent stands for its
default. A secret whose variable is not set stays as it is stored.
"""

_EXAMPLES: Final = """\
examples:
  headgate apply --dry-run
  headgate apply --yes
  headgate apply headgate.toml --data headgate-data

exit status:
  0  done, or nothing to change
  1  you did not confirm: nothing was changed
  2  the file, a function or the data directory is at fault: nothing was changed
"""


def add(add_command: Callable[..., argparse.ArgumentParser]) -> None:
    """Declares the command's arguments."""
    apply = add_command("apply", "change a workspace to what a file describes", _TEXT, _EXAMPLES)
    apply.add_argument("file", metavar="FILE", nargs="?", default=MANIFEST, help=f"default: {MANIFEST}")
    add_data(apply)
    agreement = apply.add_mutually_exclusive_group()
    agreement.add_argument("--yes", action="store_true", help="do not ask; for scripts")
    agreement.add_argument("--dry-run", action="store_true", help="only show what differs")
    apply.add_argument("--prune", action="store_true", help="remove what the file does not name")


def run(parsed: argparse.Namespace) -> int:
    """The exit status. Raises CommandError."""
    from headgate.registry.manifest import applying  # noqa: PLC0415 - a database is not for every command
    from headgate.registry.manifest.model import ManifestError  # noqa: PLC0415

    path = Path(parsed.file)
    try:
        loaded = applying.load(path)
        with opened(parsed.data, make=True) as registry:
            applying.compiled(registry, loaded)
            rehearsed = applying.rehearse(registry, loaded, os.environ, actor(), prune=parsed.prune)
            if not _agreed(rehearsed, parsed, loaded.manifest.workspace.slug):
                return IMPERFECT
            if rehearsed.steps and not parsed.dry_run:
                done = applying.carry_out(
                    registry, loaded, os.environ, actor(), rehearsed, prune=parsed.prune
                )
                for slug, key in done.made.items():
                    print(f"write key of source {slug}: {key}")
    except ManifestError as error:
        raise CommandError("\n".join(f"{path}: {printable(each, 500)}" for each in error.problems)) from None
    except applying.CodeRefused as error:
        from headgate.cli import functions  # noqa: PLC0415

        texts = (functions.explain(each, _name(path, name)) for name, each in error.errors)
        raise CommandError("\n".join(texts)) from None
    except OSError as error:
        raise file_error(error, str(error.filename or path)) from None
    return OK


def _agreed(plan: Plan, parsed: argparse.Namespace, workspace: str) -> bool:
    """Shows *plan* and asks whether to apply it. Raises CommandError without a terminal to ask on."""
    for place, variable in plan.kept.items():
        print(f"{place}: {variable} is not set, so the secret stays as it is", file=sys.stderr)
    if not plan.steps:
        print("nothing to change")
        return True
    print(described(plan, Terminal(sys.stdout)), flush=True)
    if parsed.yes or parsed.dry_run:
        return True
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise CommandError(
            "nobody is there to agree: pass --yes to make these changes, or --dry-run to see them only"
        )
    count = f"{len(plan.steps)} change{'s' * (len(plan.steps) != 1)}"
    print(
        f"make {count} to workspace {workspace} in {parsed.data}? [y/N] ", end="", file=sys.stderr, flush=True
    )
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def described(plan: Plan, terminal: Terminal) -> str:
    """A line for each step, followed by an indented line for each difference."""
    lines = []
    for step in plan.steps:
        lines.append(terminal.paint(f"{step.sign} {printable(step.what)}", _COLOURS[step.sign]))
        lines += [f"    {printable(line)}" for line in step.lines]
    return "\n".join(lines)


def _name(manifest: Path, name: str) -> str:
    """The path of a file that the manifest names, for messages; code in the manifest is named by its place there."""
    return str(manifest.parent / name) if name.lower().endswith((".js", ".ts")) else f"{manifest}: {name}"
