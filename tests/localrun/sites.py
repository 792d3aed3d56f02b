"""The management plane of one function app, as Azure Resource Manager answers: its state, start and stop.

Rules by Microsoft's pages ("Web Apps - Get", "Web Apps - Start", "Web Apps - Stop"; resource type data of
Microsoft.Web/sites): `state` is read-only, `enabled` isn't, start and stop answer without a body and take effect a
little later. unverified: whether starting an app that a deployment took offline (`enabled: false`) puts `enabled`
back; it doesn't here, which is the worse reading.
"""

from __future__ import annotations

from aiohttp import web

from tests.localrun.loopback import LoopbackService

APP_ID = (
    "/subscriptions/00000000-0000-4000-8000-000000000001/resourceGroups/holdfast-restore"
    "/providers/Microsoft.Web/sites/holdfast-restore-abc"
)


class SitePlane(LoopbackService):
    """`late`: how many looks it takes until a start or stop shows. `lose`: answers of so many acts get lost after
    they were carried out. `denied`: the caller's role is too small."""

    def __init__(self) -> None:
        self.running = False
        self.enabled = True
        self.late = 0
        self.lose = 0
        self.denied = False
        self.acts: list[str] = []
        self._coming: list[bool] = []

    def _routes(self, router: web.UrlDispatcher) -> None:
        router.add_get(APP_ID, self._state)
        router.add_post(f"{APP_ID}/start", self._start)
        router.add_post(f"{APP_ID}/stop", self._stop)

    async def _state(self, request: web.Request) -> web.Response:
        if (refused := self._refused(request)) is not None:
            return refused
        if len(self._coming) > 1:
            self._coming.pop(0)
        elif self._coming:
            self.running = self._coming.pop()
        state = "Running" if self.running else "Stopped"
        return web.json_response({"id": APP_ID, "properties": {"state": state, "enabled": self.enabled}})

    async def _start(self, request: web.Request) -> web.Response:
        return self._act(request, "start", running=True)

    async def _stop(self, request: web.Request) -> web.Response:
        return self._act(request, "stop", running=False)

    def _act(self, request: web.Request, name: str, *, running: bool) -> web.Response:
        if (refused := self._refused(request)) is not None:
            return refused
        self.acts.append(name)
        if self.late:
            self._coming = [running] * self.late
        else:
            self.running = running
        if self.lose:
            self.lose -= 1
            return web.json_response({"error": {"code": "GatewayTimeout"}}, status=504)
        return web.Response(status=200)

    def _refused(self, request: web.Request) -> web.Response | None:
        if not request.headers.get("Authorization", "").startswith("Bearer "):
            return web.json_response({"error": {"code": "AuthenticationFailed"}}, status=401)
        if request.query.get("api-version") != "2025-03-01":
            return web.json_response({"error": {"code": "NoRegisteredProviderFound"}}, status=400)
        if self.denied:
            return web.json_response({"error": {"code": "AuthorizationFailed"}}, status=403)
        return None
