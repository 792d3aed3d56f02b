"""A Log Analytics workspace as its query service answers, for the one query that the product asks.

Reads no query language: it answers with the rows it holds, in the order of columns it was told, after checking what
a service checks of every request (token, workspace, a query on the table that it holds, a span of time). Shapes are
those of learn.microsoft.com, "Azure Monitor Log Analytics API response format"; a partial answer is a 200 with
`error`.
"""

from __future__ import annotations

from typing import Any

from aiohttp import web

from tests.localrun.loopback import LoopbackService

WORKSPACE = "33333333-0000-4000-8000-000000000003"
COLUMNS = ("Identity", "Authentication", "Operation", "Count", "Refused", "First", "Last")
_TYPES = {"Count": "long", "Refused": "long", "First": "datetime", "Last": "datetime"}


class Workspace(LoopbackService):
    """`rows`: one list a line, in the order of `columns`. `asked`: bodies of requests."""

    def __init__(self) -> None:
        self.columns = list(COLUMNS)
        self.rows: list[list[Any]] = []
        self.asked: list[dict[str, Any]] = []
        self.allowed = True
        self.down = False
        self.partial = False

    def _routes(self, router: web.UrlDispatcher) -> None:
        router.add_post("/v1/workspaces/{workspace}/query", self._serve)

    async def _serve(self, request: web.Request) -> web.Response:
        body = await request.json()
        self.asked.append(body)
        if self.down:
            return _error(503, "ServiceUnavailable")
        if not request.headers.get("Authorization", "").startswith("Bearer "):
            return _error(401, "InvalidTokenError")
        if request.match_info["workspace"] != WORKSPACE:
            return _error(404, "WorkspaceNotFoundError")
        if not self.allowed:
            return _error(403, "InsufficientAccessError")
        if not body["query"].startswith("StorageBlobLogs") or body["timespan"].count("/") != 1:
            return _error(400, "BadArgumentError")
        order = [COLUMNS.index(name) if name in COLUMNS else None for name in self.columns]
        table = {
            "name": "PrimaryResult",
            "columns": [{"name": name, "type": _TYPES.get(name, "string")} for name in self.columns],
            "rows": [[row[place] if place is not None else None for place in order] for row in self.rows],
        }
        answer: dict[str, Any] = {"tables": [table]}
        if self.partial:
            answer["error"] = {"code": "PartialError", "message": "There were some errors."}
        return web.json_response(answer)


def _error(status: int, code: str) -> web.Response:
    return web.json_response({"error": {"code": code, "message": code}}, status=status)
