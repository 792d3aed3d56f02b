"""What can come of one HTTP exchange, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer: header names in lower case, body decompressed and as long as announced. `generation`: of the
    token that was sent."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    generation: int = 0

    @property
    def request_id(self) -> str:
        return self.headers.get("request-id", "")[:64]


@dataclass(frozen=True, slots=True)
class NoReply:
    """No answer. `sent`: the service may have got the request, or all of it but the end of its answer."""

    sent: bool
    why: str
