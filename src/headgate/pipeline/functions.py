"""Compiles the functions of instances when they are first used."""

from __future__ import annotations

import asyncio
import collections
from typing import TYPE_CHECKING, Final

from headgate_runtime import CompileError, Limits

if TYPE_CHECKING:
    from headgate.registry import snapshot as registry
    from headgate.registry.snapshot import Instance, Isolation, Version, Workspace
    from headgate_runtime import Executor, Function, Image

IMAGES: Final = 256
"""Compiled images kept for reuse; the least recently used is dropped first."""


class Functions:
    """An LRU cache of compiled images: each version is compiled once, however many instances run it."""

    def __init__(self, executor: Executor, limits: Limits | None = None) -> None:
        self._executor = executor
        self._limits = limits or Limits()
        self._images: collections.OrderedDict[str, asyncio.Task[Image | CompileError]] = (
            collections.OrderedDict()
        )

    async def of(self, instance: Instance, workspace: Workspace) -> Function | CompileError:
        """The function of *instance*, which must have a version and no fault."""
        assert instance.version is not None
        return await self._ready(
            instance.version, workspace, instance.settings, instance.isolation, instance.time_ms, instance.id
        )

    async def alone(self, function: registry.Function, workspace: Workspace) -> Function | CompileError:
        """*function* without an instance, and so without settings."""
        return await self._ready(
            function.version, workspace, b"{}", function.isolation, function.time_ms, function.id
        )

    async def _ready(
        self,
        version: Version,
        workspace: Workspace,
        settings: bytes,
        isolation: Isolation,
        time_ms: int,
        owner: str,
    ) -> Function | CompileError:
        image = await self.image(version, workspace)
        if isinstance(image, CompileError):
            return image
        return self._executor.function(
            image,
            settings,
            isolation=isolation,
            limits=self._limits_of(time_ms),
            tenant=workspace.id,
            weight=workspace.weight,
            owner=owner,
        )

    async def image(self, version: Version, workspace: Workspace) -> Image | CompileError:
        task = self._images.get(version.id)
        if task is None or (task.done() and (task.cancelled() or task.exception() is not None)):
            compiling = self._executor.compile(
                version.code, self._limits, language=version.language, tenant=workspace.id
            )
            task = self._images[version.id] = asyncio.ensure_future(compiling)
        self._images.move_to_end(version.id)
        if len(self._images) > IMAGES:
            self._images.popitem(last=False)
        # Shielded: a lane that is cancelled must not cancel the compilation for others that wait for it.
        return await asyncio.shield(task)

    def _limits_of(self, time_ms: int) -> Limits:
        if time_ms == self._limits.time_ms:
            return self._limits
        fields = {name: getattr(self._limits, name) for name in Limits.__dataclass_fields__}
        return Limits(**{**fields, "time_ms": time_ms})
