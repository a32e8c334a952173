"""`headgate serve`: the hosted service."""

from __future__ import annotations

import argparse
import errno
import functools
import ipaddress
import os
import sys
from typing import TYPE_CHECKING, Final

from headgate.cli.errors import CommandError, file_error
from headgate.cli.numbers import number, whole
from headgate.paths import DEFAULT, DataDirectory
from headgate.queue.backoff import HOUR_MS, Backoff

if TYPE_CHECKING:
    from collections.abc import Callable

    from headgate.service.options import ServeOptions

WORKERS_MAX: Final = 64

GRACE_MS_MAX: Final = 600_000

PORT_DEFAULT: Final = 8080

PORT: Final = whole(0, 65_535)
"""For the types of argparse."""

METRICS_TOKEN: Final = "HEADGATE_METRICS_TOKEN"  # noqa: S105 - the name of a variable

RETRY_ATTEMPTS_MAX: Final = 100

RETRY_WINDOW_MS_MAX: Final = 7 * 24 * HOUR_MS

_RETRIES: Final = Backoff()
"""The schedule of SPEC 7."""

_REMEDIES: Final = {
    errno.EADDRINUSE: "another process listens there; end it, or choose another with --port",
    errno.EADDRNOTAVAIL: "this machine has no such address; --host 0.0.0.0 is all it has",
    errno.EACCES: "ports below 1024 are not for every user; listen above and let a proxy have that port",
}
"""What an operator can do about an address that cannot be listened on."""

_TEXT: Final = """\
Accepts events over the tracking API (POST /v1/track, /v1/batch, ...), runs each destination's function, and delivers.
An event is on disk before it is acknowledged, and ends in one outcome for each destination. `headgate apply` configures
sources, functions and destinations; changes apply from the next event on, without a restart.

The first start creates a workspace and prints a token for its owner, once.
"""

_EXAMPLES: Final = """\
examples:
  headgate serve
  headgate serve --data /var/lib/headgate --host 0.0.0.0 --port 8080 --workers 4
  headgate serve --allow-private

endpoints:
  /v1/...    the tracking API; /v1/functions/{functionId}/invoke runs a function
  /healthz   alive        /readyz   accepting events        /metrics   Prometheus        /docs   the API

environment:
  HEADGATE_MASTER_KEY      32 bytes in base64 that encrypt secrets; default: master.key in the data directory
  HEADGATE_METRICS_TOKEN   the bearer token that /metrics requires; set it if others can reach the port

exit status:
  0  stopped by SIGTERM, SIGINT or SIGHUP, with everything accepted on disk
  2  the data directory or the address cannot be served
"""


def add_data(command: argparse.ArgumentParser) -> None:
    """The flag that every command about the service has."""
    command.add_argument(
        "--data",
        metavar="DIR",
        default=os.environ.get("HEADGATE_DATA", DEFAULT),
        help=f"the data directory, made if need be; default: HEADGATE_DATA, or {DEFAULT}",
    )


def add(add_command: Callable[..., argparse.ArgumentParser]) -> None:
    """Declares the command's arguments."""
    serve = add_command("serve", "run the server", _TEXT, _EXAMPLES)
    add_data(serve)
    serve.add_argument("--host", default="127.0.0.1", help="address to listen on; default: this machine only")
    serve.add_argument(
        "--port",
        type=PORT,
        default=PORT_DEFAULT,
        metavar="N",
        help=f"default {PORT_DEFAULT}; 0: any that is free",
    )
    serve.add_argument(
        "--workers",
        type=whole(1, WORKERS_MAX),
        default=1,
        metavar="N",
        help="processes, for as many cores; default 1",
    )
    serve.add_argument(
        "--allow-private",
        action="store_true",
        help="let functions and webhooks reach this machine and its own networks, for development",
    )
    for flag, text in (
        ("--egress-allow", "they may be reached although they are private; may be given several times"),
        ("--egress-deny", "they may not be reached; may be given several times"),
    ):
        serve.add_argument(flag, metavar="HOST|CIDR", action="append", default=[], help=text)
    serve.add_argument(
        "--proxy",
        metavar="IP|CIDR",
        type=_network,
        action="append",
        default=[],
        help="a proxy in front, whose X-Forwarded-For tells whose events they are; may be given several times",
    )
    serve.add_argument(
        "--strict-write-keys",
        action="store_true",
        help="answer 401 to an unknown write key; else 200, as the hosted original does",
    )
    serve.add_argument(
        "--requests-per-second",
        type=number(1, 1_000_000),
        metavar="N",
        help="of each workspace, and worker; past it 429 with Retry-After; default: no bound",
    )
    serve.add_argument(
        "--grace-ms",
        type=whole(0, GRACE_MS_MAX),
        default=10_000,
        metavar="N",
        help="time for what is under way when the server is told to stop; default 10000",
    )
    serve.add_argument(
        "--retry-base-ms",
        type=whole(1, _RETRIES.cap_ms),
        default=_RETRIES.base_ms,
        metavar="N",
        help="before what failed is tried again; twice as long each time, 45 min at most, and from half to one and a"
        f" half times that by chance; default {_RETRIES.base_ms}",
    )
    serve.add_argument(
        "--retry-attempts",
        type=whole(1, RETRY_ATTEMPTS_MAX),
        default=_RETRIES.attempts,
        metavar="N",
        help=f"of an event at a destination, the first one included; default {_RETRIES.attempts}; 1: no retries",
    )
    serve.add_argument(
        "--retry-window-ms",
        type=whole(0, RETRY_WINDOW_MS_MAX),
        default=_RETRIES.window_ms,
        metavar="N",
        help=f"from the first attempt, after which there is no other; default {_RETRIES.window_ms} (4 h)",
    )
    serve.add_argument(
        "--json-logs", action="store_true", default=None, help="also where stderr is a terminal"
    )


def run(parsed: argparse.Namespace) -> int:
    """Returns when the server was told to stop. Raises CommandError."""
    from headgate.queue.lock import InUse  # noqa: PLC0415 - other commands start faster without a server
    from headgate.queue.protocol import QueueBroken  # noqa: PLC0415
    from headgate.registry.errors import RegistryError  # noqa: PLC0415
    from headgate.service import supervisor  # noqa: PLC0415
    from headgate.service.options import ServeOptions  # noqa: PLC0415
    from headgate_runtime.fetch import Egress, EgressError  # noqa: PLC0415

    options = ServeOptions(
        data=DataDirectory(parsed.data),
        host=parsed.host,
        port=parsed.port,
        workers=parsed.workers,
        allow_private=parsed.allow_private,
        egress_allow=tuple(parsed.egress_allow),
        egress_deny=tuple(parsed.egress_deny),
        proxies=tuple(parsed.proxy),
        metrics_token=os.environ.get(METRICS_TOKEN) or None,
        strict_write_keys=parsed.strict_write_keys,
        requests_per_second=parsed.requests_per_second,
        grace_ms=parsed.grace_ms,
        json_logs=parsed.json_logs,
        backoff=Backoff(
            base_ms=parsed.retry_base_ms,
            attempts=parsed.retry_attempts,
            window_ms=parsed.retry_window_ms,
        ),
    )
    try:
        # A worker would find it too late: it could only say so and be started again.
        Egress(allow=options.egress_allow, deny=options.egress_deny)
        supervisor.serve(options, functools.partial(_greet, options))
    except EgressError as error:
        raise CommandError(f"--egress-allow, --egress-deny: {error}") from None
    except (InUse, QueueBroken, RegistryError, supervisor.WorkerFailed) as error:
        raise CommandError(str(error)) from None
    except OSError as error:
        if error.filename is not None:
            raise file_error(error, str(error.filename)) from None
        why = _REMEDIES.get(error.errno or 0, error.strerror or str(error))
        raise CommandError(f"cannot listen on {options.host}:{options.port}: {why}") from None
    return 0


def _greet(options: ServeOptions, url: str, token: str | None) -> None:
    print(f"headgate: listening on {url}", file=sys.stderr)
    if options.metrics_token is None and not _local(options.host):
        print(
            f"headgate: /metrics is open to whoever reaches this; {METRICS_TOKEN} closes it", file=sys.stderr
        )
    if token is not None:
        print(
            f'headgate: made the workspace "default"; its owner\'s token, shown only now: {token}',
            file=sys.stderr,
        )
    sys.stderr.flush()


def _local(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _network(text: str) -> str:
    try:
        return str(ipaddress.ip_network(text) if "/" in text else ipaddress.ip_address(text))
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is neither an address, like 10.0.0.5, nor a network, like 10.0.0.0/8"
        ) from None
