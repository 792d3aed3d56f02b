"""What a request of privileged identity management asks for: a period, and the reasons why it is refused."""

from __future__ import annotations

import re
from typing import Any

from .clock import iso, parse_iso
from .errors import GraphError, bad_request
from .service import Service

Obj = dict[str, Any]
_DURATION = re.compile(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?)?")
_PATIENCE = 300.0  # seconds that a start may lie in the past


def refused(code: str, text: str) -> GraphError:
    return GraphError(400, code, text)


def _time(text: Any, name: str) -> float:
    try:
        return parse_iso(str(text))
    except ValueError as error:
        raise bad_request(f"Invalid value specified for property '{name}'.", "BadRequest") from error


def duration_of(text: Any) -> float | None:
    """Seconds of a duration of days, hours and minutes; None for any other."""
    found = _DURATION.fullmatch(str(text))
    if found is None or not any(found.groups()):
        return None
    days, hours, minutes = (int(part or 0) for part in found.groups())
    return days * 86400.0 + hours * 3600 + minutes * 60


def period_of(service: Service, values: Obj) -> tuple[float, str | None]:
    """When the assignment starts and, unless it is for good, ends."""
    info = values.get("scheduleInfo") or {}
    now = service.clock.now()
    start = now if info.get("startDateTime") is None else _time(info["startDateTime"], "startDateTime")
    if start < now - _PATIENCE:
        service.rules.lean("role.start-past")
        raise refused("InvalidScheduleStart", "The start lies in the past.")
    expiration = info.get("expiration") or {}
    kind = expiration.get("type")
    if kind == "noExpiration":
        return start, None
    if kind == "afterDateTime":
        end = _time(expiration.get("endDateTime"), "endDateTime")
    elif kind == "afterDuration":
        length = duration_of(expiration.get("duration"))
        if length is None:
            raise bad_request("Invalid value specified for property 'duration'.", "BadRequest")
        end = start + length
    else:
        raise bad_request("scheduleInfo needs an expiration of a known type.", "BadRequest")
    if end <= max(start, now):
        raise refused("InvalidScheduleEnd", "The end lies before the start, or in the past.")
    return start, iso(end)


def check_policy(service: Service, values: Obj) -> None:
    if not values.get("justification"):
        service.rules.lean("role.justification")
        raise refused(
            "RoleAssignmentRequestPolicyValidationFailed",
            'The following policy rules failed: ["JustificationRule"]',
        )
