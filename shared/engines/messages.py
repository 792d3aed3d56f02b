"""Messages that ask for a backup. (Those that ask for a restore are in `restore_requests`.)"""

from __future__ import annotations

import re
from dataclasses import dataclass

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
    if len(body) > _MESSAGE_BYTES:
        raise Unusable("a message of this length is none of ours")
    request = decode(BackupRequest, body)
    if request.v != 1 or not _REQUEST_ID.fullmatch(request.request_id):
        raise Unusable("a backup request of another version, or without a proper requestId")
    return request
