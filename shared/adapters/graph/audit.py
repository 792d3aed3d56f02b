"""`Audit`: who created an object, by the tenant's own directory log. Evidence for people, never a value source."""

from __future__ import annotations

import re

from shared.domain.errors import GraphError
from shared.domain.ports import Directory, GraphRequest
from shared.engines.actors import initiator
from shared.engines.wire import parse

_GUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


class GraphAudit:
    """Reads `/auditLogs/directoryAudits` (AuditLog.Read.All; kept 7 to 30 days by the service)."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory

    async def created_by(self, object_id: str) -> str:
        if not _GUID.fullmatch(object_id):
            return ""  # the log names what it is about by such ids only
        path: str | None = f"/v1.0/auditLogs/directoryAudits?$filter=targetResources/any(t:t/id eq '{object_id}')"
        while path:
            try:
                page = await self._directory.page(GraphRequest("GET", path, throttle="audit"))
            except GraphError as error:
                # Without the log the plan is the same, it only can't name anyone; it says so.
                return f"unknown: the audit log could not be read ({error.code or error.status})"
            for item in page.items:
                event = parse(item)
                if str(event.get("activityDisplayName", "")).startswith("Add "):
                    return f"{initiator(event)} at {event.get('activityDateTime', 'an unknown time')}"
            path = page.next_link
        return ""
