"""Graph's refusals as our errors.

Owns the mapping from status, code and message to `domain.errors`. What must stay true: no message holds a
value from the tenant (paths lose what is not an id or a word, Graph's texts lose what they quote), and a
missing licence is told from a missing permission.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from shared.domain.errors import (
    DeltaTokenExpired,
    GraphError,
    GraphNotFound,
    GraphNotLicensed,
    GraphNotPermitted,
    GraphUnauthorized,
    PageTokenExpired,
)

_LICENCE_CODES = frozenset(
    {
        "aadpremiumlicenserequired",
        "authentication_requestfromnonpremiumtenantorb2ctenant",
        "insufficientlicense",
        "licenserequired",
        "tenantnotlicensed",
    }
)
_LICENCE_WORDS = re.compile(
    r"premium licen[cs]e|not licensed|needs? (to have )?(an? )?[\w /]*licen[cs]e|licen[cs]e (is )?required",
    re.I,
)
# Codes: devblogs.microsoft.com, "Duration of change tracking tokens for identity and education resources";
# learn.microsoft.com, "Use delta query to track changes in Microsoft Graph data", synchronization reset.
_RESYNC = re.compile(r"syncstate|resync|sync state|delta ?token", re.I)
# Seen as Directory_ExpiredPageToken, as "Invalid Skip Token" and, from the audit log, "Token not found".
_PAGE_TOKEN = re.compile(r"(page|skip) ?token|token is either invalid or expired", re.I)
_WORD = re.compile(r"[A-Za-z0-9.$_-]{1,64}")
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"|[^\s@]*@\S*")


@dataclass(frozen=True, slots=True)
class Refusal:
    """The members of a Graph error body that we use."""

    code: str = ""
    message: str = ""
    request_id: str = ""


def refusal(body: bytes) -> Refusal:
    """Reads an error body; an unreadable one (a gateway's HTML page) gives an empty refusal."""
    try:
        parsed = json.loads(body)
    except (ValueError, RecursionError):
        return Refusal()
    error = parsed.get("error") if isinstance(parsed, dict) else None
    if not isinstance(error, dict):
        return Refusal()
    inner = error.get("innerError") or error.get("innererror")
    request_id = inner.get("request-id", "") if isinstance(inner, dict) else ""
    return Refusal(_text(error.get("code")), _text(error.get("message")), _text(request_id))


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def safe_path(path: str) -> str:
    """The path without query, version and anything but words and ids: names of people may stand in it."""
    segments = path.partition("?")[0].split("/")[2:]
    return "/".join(part if _WORD.fullmatch(part) else "…" for part in segments)


def safe_text(message: str) -> str:
    """Graph's text on one short line, without what it quotes."""
    printable = "".join(c if c.isprintable() else " " for c in message)
    return _QUOTED.sub("…", printable)[:200].strip()


def is_licence(status: int, found: Refusal) -> bool:
    if status not in (400, 402, 403):
        return False
    return found.code.lower() in _LICENCE_CODES or bool(_LICENCE_WORDS.search(found.message))


def graph_error(method: str, path: str, status: int, body: bytes, request_id: str) -> GraphError:
    """The error for a clear refusal of a request."""
    found = refusal(body)
    code = found.code[:80] if _WORD.fullmatch(found.code[:80]) else ""
    said = ": ".join(part for part in (code, safe_text(found.message)) if part)
    what = f"Graph answered {status} to {method}" + (f" ({said})" if said else "")
    where = safe_path(path)
    about = {"object_type": where, "request_id": request_id or found.request_id[:64]}
    kind = _kind(path, status, found)
    return kind(what, status=status, code=code, hint=_hint(kind, where), **about)


def _kind(path: str, status: int, found: Refusal) -> type[GraphError]:
    expired = _expired(path, status, found)
    if expired is not None:
        return expired
    if is_licence(status, found):
        return GraphNotLicensed
    return {401: GraphUnauthorized, 403: GraphNotPermitted, 404: GraphNotFound}.get(status, GraphError)


def _expired(path: str, status: int, found: Refusal) -> type[GraphError] | None:
    if not (400 <= status <= 410) or status in (401, 403, 429):
        return None
    head, _, query = path.partition("?")
    query = query.lower()
    continued = "skiptoken=" in query
    tracked = head.rstrip("/").endswith("/delta") or "deltatoken=" in query
    said = f"{found.code} {found.message}"
    if continued and (found.code == "Directory_ExpiredPageToken" or _PAGE_TOKEN.search(said)):
        return PageTokenExpired
    # 410 carries a Location with an empty token; we don't follow it, the caller starts a full read of its own.
    if tracked and (status == 410 or _RESYNC.search(said)):
        return DeltaTokenExpired
    if continued and status == 410:
        return PageTokenExpired
    return None


def _hint(kind: type[GraphError], where: str) -> str:
    if kind is GraphNotPermitted:
        return f"grant the app a Graph permission for {where} with admin consent, then wait for a new token"
    if kind is GraphNotLicensed:
        return "this feature needs a licence in the tenant"
    if kind is GraphUnauthorized:
        return "check tenant id, app registration and its credential; a fresh token was refused too"
    return ""
