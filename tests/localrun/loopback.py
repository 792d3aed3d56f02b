"""A simulated service on a loopback port of its own, for as long as a test needs it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Self

from aiohttp import web


class LoopbackService(ABC):
    """`url` is set while it serves."""

    url = ""
    _runner: web.AppRunner | None = None

    @abstractmethod
    def _routes(self, router: web.UrlDispatcher) -> None: ...

    async def start(self) -> None:
        application = web.Application()
        self._routes(application.router)
        self._runner = web.AppRunner(application, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()
