"""Bearer tokens of the simulated tenant: JWTs signed with a key that lives and dies with the server."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from dataclasses import dataclass
from typing import Any

from .clock import SimClock
from .errors import unauthenticated


@dataclass(frozen=True, slots=True)
class Principal:
    """Who calls: an app, or a user through an app when `upn` is set."""

    app_id: str
    object_id: str
    permissions: frozenset[str]
    upn: str | None = None
    display_name: str | None = None

    @property
    def delegated(self) -> bool:
        return self.upn is not None


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


class TokenIssuer:
    def __init__(self, clock: SimClock, tenant_id: str, key: bytes) -> None:
        self._clock = clock
        self._tenant_id = tenant_id
        self._key = key

    def _sign(self, text: str) -> str:
        return _encode(hmac.new(self._key, text.encode(), hashlib.sha256).digest())

    def issue(
        self,
        *,
        app_id: str,
        object_id: str,
        roles: list[str],
        expires_in: float,
        upn: str | None = None,
        display_name: str | None = None,
    ) -> str:
        now = self._clock.now()
        claims: dict[str, Any] = {
            "aud": "https://graph.microsoft.com",
            "iss": f"https://sts.windows.net/{self._tenant_id}/",
            "iat": int(now),
            "nbf": int(now),
            "exp": int(now + expires_in),
            "tid": self._tenant_id,
            "appid": app_id,
            "oid": object_id,
            "app_displayname": display_name,
        }
        if upn is None:
            claims["roles"] = roles
            claims["idtyp"] = "app"
        else:
            claims["scp"] = " ".join(roles)
            claims["upn"] = upn
        head = _encode(json.dumps({"typ": "JWT", "alg": "HS256"}).encode())
        text = f"{head}.{_encode(json.dumps(claims).encode())}"
        return f"{text}.{self._sign(text)}"

    def read(self, authorization: str | None) -> Principal:
        if not authorization or not authorization.lower().startswith("bearer "):
            raise unauthenticated("Access token is empty.")
        token = authorization[7:].strip()
        text, _, signature = token.rpartition(".")
        if text.count(".") != 1 or not hmac.compare_digest(self._sign(text), signature):
            raise unauthenticated("Access token validation failure. Invalid signature.")
        try:
            claims = json.loads(_decode(text.split(".")[1]))
        except ValueError as error:
            raise unauthenticated("CompactToken parsing failed.") from error
        if claims["exp"] <= self._clock.now():
            raise unauthenticated("Lifetime validation failed, the token is expired.")
        if claims["tid"] != self._tenant_id:
            raise unauthenticated("Access token validation failure. Invalid tenant.")
        granted = claims.get("roles") or claims.get("scp", "").split()
        return Principal(
            claims["appid"], claims["oid"], frozenset(granted), claims.get("upn"), claims.get("app_displayname")
        )
