"""Messages that ask for a backup or for evidence. (Those that ask for a restore are in `restore_requests`.)"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import TypeVar

from shared.domain.errors import Unusable
from shared.domain.wire import Wire
from shared.engines.wire import decode, encode

_REQUEST_ID = re.compile(r"[0-9A-Za-z-]{8,64}", re.ASCII)
_MESSAGE_BYTES = 1024


@dataclass(frozen=True, slots=True)
class BackupRequest(Wire):
    """Body of a message on `backup-requests`. A repeated `request_id` asks for the same run."""

    v: int
    request_id: str


def encode_backup_request(request_id: str) -> str:
    return encode(BackupRequest(1, request_id)).decode()


def decode_backup_request(body: bytes) -> BackupRequest:
    """Raises `Unusable` for anything but a message of ours."""
    return _decoded(BackupRequest, body, "a backup request")


@dataclass(frozen=True, slots=True)
class EvidenceRequest(Wire):
    """Body of a message on `evidence-requests`: first and last day, `YYYY-MM-DD`. A repeated `request_id` with the
    same days names the same document."""

    v: int
    request_id: str
    first: str
    last: str


def encode_evidence_request(request_id: str, first: date, last: date) -> str:
    return encode(EvidenceRequest(1, request_id, first.isoformat(), last.isoformat())).decode()


def decode_evidence_request(body: bytes) -> tuple[str, date, date]:
    """Request id, first and last day. Raises `Unusable` for anything but a message of ours."""
    request = _decoded(EvidenceRequest, body, "an evidence request")
    try:
        return request.request_id, date.fromisoformat(request.first), date.fromisoformat(request.last)
    except ValueError:
        raise Unusable("an evidence request without proper days") from None


Request = TypeVar("Request", BackupRequest, EvidenceRequest)


def _decoded(kind: type[Request], body: bytes, what: str) -> Request:
    if len(body) > _MESSAGE_BYTES:
        raise Unusable("a message of this length is none of ours")
    request = decode(kind, body)
    if request.v != 1 or not _REQUEST_ID.fullmatch(request.request_id):
        raise Unusable(f"{what} of another version, or without a proper requestId")
    return request
