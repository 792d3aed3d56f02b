"""Who did what, counted from events of the tenant's own log. Evidence for people, never a value source."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shared.domain.wire import Wire
from shared.engines.wire import time_text


@dataclass(frozen=True, slots=True)
class Deed(Wire):
    """`actor` and `what` are untrusted text of the tenant. `last`: RFC 3339, as the log has it."""

    actor: str
    what: str
    times: int
    last: str


def initiator(event: Mapping[str, Any]) -> str:
    """Whom a `directoryAudit` names (Microsoft Graph: auditActivityInitiator resource type)."""
    initiated = event.get("initiatedBy")
    by = initiated if isinstance(initiated, dict) else {}
    user, app = by.get("user") or {}, by.get("app") or {}
    return str(
        user.get("userPrincipalName") or user.get("id") or app.get("displayName") or app.get("appId") or "unknown"
    )


def deeds(events: Iterable[Mapping[str, Any]], since: datetime) -> list[Deed]:
    """What each actor did since then, most frequent first. An event that was read twice counts once."""
    seen: dict[str, Mapping[str, Any]] = {}
    for event in events:
        if str(event.get("activityDateTime", "")) >= time_text(since).removesuffix("Z"):
            seen[str(event.get("id", len(seen)))] = event
    counted: dict[tuple[str, str], list[str]] = {}
    for event in seen.values():
        key = (initiator(event), str(event.get("activityDisplayName", "")))
        counted.setdefault(key, []).append(str(event.get("activityDateTime", "")))
    found = [Deed(actor, what, len(times), max(times)) for (actor, what), times in counted.items()]
    return sorted(found, key=lambda one: (-one.times, one.actor, one.what))
