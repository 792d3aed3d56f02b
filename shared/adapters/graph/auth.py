"""Tokens: where they come from, and what they say we may do.

Owns the one token in use. What must stay true: a token leaves this module for the configured origin only; a
fixed token works on this machine only; claims are read without verification and decide nothing but
completeness.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from shared.adapters.graph.origin import Origin
from shared.domain.errors import ForeignLink, GraphUnauthorized, Unusable
from shared.domain.ports import Clock

if TYPE_CHECKING:
    from azure.core.credentials_async import AsyncTokenCredential

_EARLY = 300  # seconds before its end in which a token is not used any more


@dataclass(frozen=True, slots=True)
class FixedToken:
    """A ready token, for servers on this machine (`HOLDFAST_GRAPH_TOKEN`)."""

    token: str = field(repr=False)


Credential: TypeAlias = "FixedToken | AsyncTokenCredential"


def permissions_in(token: str) -> frozenset[str] | None:
    """`scp` of a delegated token, else `roles`; None where the token can't be read.

    A readable token without either grants nothing, which is an answer."""
    parts = token.split(".")
    if len(parts) != 3:
        return None
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (ValueError, binascii.Error, RecursionError):
        return None
    if not isinstance(claims, dict):
        return None
    scopes = claims.get("scp")
    if isinstance(scopes, str):
        return frozenset(scopes.split())
    roles = claims.get("roles", [])
    if not isinstance(roles, list) or not all(isinstance(role, str) for role in roles):
        return None
    return frozenset(roles)


class TokenSource:
    """The token in use, fetched when needed. The credential stays the caller's, who closes it."""

    def __init__(self, credential: Credential, origin: Origin, clock: Clock) -> None:
        if isinstance(credential, FixedToken) and not origin.is_loopback:
            raise Unusable(
                "a fixed Graph token works only for a Graph URL on this machine",
                hint="unset HOLDFAST_GRAPH_TOKEN and sign in with an identity",
            )
        self._credential = credential
        self._origin = origin
        self._clock = clock
        self._token = ""
        self._expires = 0.0
        self._forced = False
        self._turn = asyncio.Lock()
        self.generation = 0  # of the token in use: tells whether it is still the one that was refused

    def refuse(self, generation: int) -> None:
        """The service did not take the token of that generation; the next one is fetched past any cache."""
        if generation == self.generation:
            self._token = ""
            self._forced = True

    async def token(self, url: str, claims: str = "") -> str:
        """A token for a request to `url`. Errors of the credential's own kind pass (`transport` maps them)."""
        self._origin.path_of(url)
        if not url.startswith(self._origin.url):
            raise ForeignLink("a token was asked for another origin")
        if isinstance(self._credential, FixedToken):
            return self._credential.token
        async with self._turn:
            now = self._clock.now().timestamp()
            if claims or not self._token or now >= self._expires - _EARLY:
                await self._fetch(self._credential, claims, now)
            return self._token

    async def _fetch(self, credential: AsyncTokenCredential, claims: str, now: float) -> None:
        asked: dict[str, Any] = {}
        if claims:
            asked["claims"] = claims
        elif self._forced:
            # Credentials cache, and any claims make them ask anew. This is the challenge that Entra's own
            # continuous access evaluation sends: a token not older than now.
            essential = {"essential": True, "value": str(int(now))}
            asked["claims"] = json.dumps({"access_token": {"nbf": essential}})
        # No CAE: such tokens live a day, and a changed permission must show in the next token.
        got = await credential.get_token(self._origin.scope, enable_cae=False, **asked)
        self._token, self._expires = got.token, float(got.expires_on)
        self._forced = False
        self.generation += 1


def challenge(text: str) -> str:
    """The claims of a challenge, which come in base64. Raises `GraphUnauthorized` for anything else."""
    try:
        return base64.b64decode(text, validate=False).decode("utf-8")
    except (ValueError, binascii.Error):
        raise GraphUnauthorized("Graph sent an unreadable claims challenge", status=401) from None


def sign_in_error(message: str) -> GraphUnauthorized:
    """A credential's failure. Its text may hold account names, so only Entra's error number is kept."""
    number = re.search(r"AADSTS\d+", message)
    return GraphUnauthorized(
        "no token: the sign-in was refused",
        status=401,
        code=number.group(0) if number else "",
        hint="check tenant id, app registration and its credential",
    )
