"""The egress rules of each workspace: the server's lists and its own."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Self

from headgate_runtime.fetch import Egress

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from ipaddress import IPv4Address, IPv6Address
    from types import TracebackType

    from headgate.pipeline.directory import Directory
    from headgate.registry.snapshot import Workspace
    from headgate.service.options import ServeOptions
    from headgate_runtime import Answer, Clock, Request
    from headgate_runtime.fetch import Fetcher, SystemResolver, Target

    Address = IPv4Address | IPv6Address

_Lists = tuple[tuple[str, ...], tuple[str, ...]]


class WorkspaceEgress:
    """
    Provides the Service behind the `fetch` of functions and the Egress of webhooks, by workspace. Workspaces
    with equal lists share a fetcher, in which each function still has its own connections.
    """

    def __init__(
        self, options: ServeOptions, directory: Directory, clock: Clock, resolver: SystemResolver
    ) -> None:
        self._options = options
        self._directory = directory
        self._clock = clock
        self._resolver = resolver
        self._egresses: dict[_Lists, Egress] = {}
        self._fetchers: dict[_Lists, Fetcher] = {}
        self._stack = contextlib.AsyncExitStack()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    def of(self, workspace: str) -> Egress:
        """An Egress that always applies the current lists in the registry."""
        return _Live(lambda: self._egress(_lists(self._directory.snapshot.workspaces.get(workspace))))

    async def __call__(self, request: Request) -> Answer:
        workspace = None
        if request.invocation is not None:
            name = request.invocation.function.tenant.name
            workspace = self._directory.snapshot.workspaces.get(name)
        lists = _lists(workspace)
        fetcher = self._fetchers.get(lists)
        if fetcher is None:
            from headgate_runtime.fetch import Fetcher  # noqa: PLC0415 - loads an HTTP client

            fetcher = self._fetchers[lists] = Fetcher(
                self._egress(lists), resolver=self._resolver, clock=self._clock, keep_alive=True
            )
            await self._stack.enter_async_context(fetcher)
        return await fetcher(request)

    def _egress(self, lists: _Lists) -> Egress:
        egress = self._egresses.get(lists)
        if egress is None:
            allow, deny = lists
            egress = self._egresses[lists] = Egress(
                allow=(*self._options.egress_allow, *allow),
                deny=(*self._options.egress_deny, *deny),
                allow_private=self._options.allow_private,
            )
        return egress


class _Live(Egress):
    """Looks its rules up for each check, because webhooks keep the Egress as long as they live."""

    __slots__ = ("_of",)

    def __init__(self, of: Callable[[], Egress]) -> None:
        super().__init__()
        self._of = of

    def check_target(self, target: Target) -> None:
        self._of().check_target(target)

    def check_addresses(self, host: str, port: int, addresses: Sequence[Address]) -> None:
        self._of().check_addresses(host, port, addresses)


def _lists(workspace: Workspace | None) -> _Lists:
    return ((), ()) if workspace is None else (workspace.egress_allow, workspace.egress_deny)
