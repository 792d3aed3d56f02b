"""A key vault for tests: a local HTTP server that answers as the "Azure Key Vault REST API reference"
(learn.microsoft.com) says, for P-256 keys in several versions and any number of secrets, and a transport that
brings the real SDK clients to it. It asks for a token with a challenge first, as the service does, so the SDK's
token code runs too.
"""

from __future__ import annotations

import base64
import json
import time
import uuid
from typing import Any, Self
from urllib.parse import urlsplit

from aiohttp import web
from azure.core.credentials import AccessToken
from azure.core.pipeline.transport import AioHttpTransport
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils

VAULT = "https://holdfast-test.vault.azure.net"
TOKEN = "a-token"


class Credential:
    """Gives one token for the key vault's scope only."""

    async def get_token(self, *scopes: str, **_: Any) -> AccessToken:
        assert scopes == ("https://vault.azure.net/.default",)
        return AccessToken(TOKEN, int(time.time()) + 3600)

    async def close(self) -> None:
        pass

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        pass


class Rerouted(AioHttpTransport):
    """Sends what is meant for the vault to the local server. Outlives the clients that use it."""

    def __init__(self, port: int) -> None:
        super().__init__()
        self._port = port

    async def send(self, request: Any, **options: Any) -> Any:
        meant = request.url
        parts = urlsplit(meant)
        assert f"{parts.scheme}://{parts.netloc}" == VAULT
        request.url = f"http://127.0.0.1:{self._port}{parts.path}?{parts.query}"
        try:
            return await super().send(request, **options)
        finally:
            request.url = meant

    async def close(self) -> None:
        """The clients close their transport; this one is shared."""

    async def end(self) -> None:
        await super().close()


class KeyVault:
    """`status`: when set, it answers every authorised request. `keys`: by version, whatever the name."""

    def __init__(self) -> None:
        self.curve = "P-256"
        self.keys: dict[str, ec.EllipticCurvePrivateKey] = {}
        self.newest: dict[str, str] = {}  # name → version
        self.names: dict[str, str] = {}  # version → name
        self.disabled: set[str] = set()
        self.rotate()
        self.secrets: dict[str, list[tuple[str, dict[str, Any]]]] = {}  # versions: value and attributes
        self.status = 0
        self.signed: list[str] = []  # paths of the requests to sign

    @property
    def version(self) -> str:
        return self.newest["signing"]

    def rotate(self, name: str = "signing") -> str:
        """Makes a new version, which is the newest from now on; of a new key, the first."""
        version = self.newest[name] = f"{uuid.uuid4().hex}"
        self.keys[version] = ec.generate_private_key(ec.SECP256R1())
        self.names[version] = name
        return version

    async def __aenter__(self) -> Self:
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", self._answer)
        self._runner = web.AppRunner(application)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.transport = Rerouted(self._runner.addresses[0][1])
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.transport.end()
        await self._runner.cleanup()

    async def _answer(self, request: web.Request) -> web.Response:
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            challenge = 'Bearer authorization="https://login.example/t", resource="https://vault.azure.net"'
            return web.json_response({}, status=401, headers={"WWW-Authenticate": challenge})
        if self.status:
            return _error(self.status, "Injected")
        body = json.loads(await request.read() or b"{}")
        kind, name, *rest = request.path.strip("/").split("/")
        if kind == "keys" and name in self.newest:
            return self._key(request, name, rest, body)
        if kind == "secrets":
            return self._secret(request.method, name, body)
        return _error(404, "KeyNotFound")

    def _key(self, request: web.Request, name: str, rest: list[str], body: dict[str, Any]) -> web.Response:
        if rest == ["versions"]:
            # In no order, as the service promises none; times in whole seconds.
            own = ((version, at) for at, version in enumerate(self.keys) if self.names[version] == name)
            listed = sorted(own)
            return web.json_response({"value": [self._listed(version, at) for version, at in listed]})
        version = rest[0] if rest and rest[0] else self.newest[name]
        if self.names.get(version) != name:
            return _error(404, "KeyNotFound")
        if version in self.disabled:
            return _error(403, "Forbidden")
        key = self.keys[version]
        url = f"{VAULT}/keys/{name}/{version}"
        if rest in ([], [""], [version]) and request.method == "GET":
            numbers = key.public_key().public_numbers()
            jwk = {
                "kid": url,
                "kty": "EC",
                "crv": self.curve,
                "key_ops": ["sign", "verify"],
                "x": _base64(numbers.x.to_bytes(32, "big")),
                "y": _base64(numbers.y.to_bytes(32, "big")),
            }
            return web.json_response({"key": jwk, "attributes": {"enabled": True}})
        if rest == [version, "sign"] and request.method == "POST":
            self.signed.append(request.path)
            if body["alg"] != "ES256":
                return _error(400, "BadParameter")
            digest = base64.urlsafe_b64decode(body["value"] + "==")
            der = key.sign(digest, ec.ECDSA(utils.Prehashed(hashes.SHA256())))
            r, s = utils.decode_dss_signature(der)
            value = _base64(r.to_bytes(32, "big") + s.to_bytes(32, "big"))
            return web.json_response({"kid": url, "value": value})
        return _error(404, "KeyNotFound")

    def _listed(self, version: str, at: int) -> dict[str, Any]:
        attributes = {"enabled": version not in self.disabled, "created": 1_790_000_000 + at}
        return {"kid": f"{VAULT}/keys/{self.names[version]}/{version}", "attributes": attributes}

    def _secret(self, method: str, name: str, body: dict[str, Any]) -> web.Response:
        versions = self.secrets.setdefault(name, [])
        if method == "PUT":
            versions.append((body["value"], {"enabled": True, **body.get("attributes", {})}))
        if not versions:
            return _error(404, "SecretNotFound")
        url = f"{VAULT}/secrets/{name}/{len(versions):032x}"
        value, attributes = versions[-1]
        # Expired or not: "About Azure Key Vault secrets", date-time controlled operations.
        return web.json_response({"value": value, "id": url, "attributes": attributes})


def _error(status: int, code: str) -> web.Response:
    return web.json_response({"error": {"code": code, "message": "said by the test"}}, status=status)


def _base64(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode("ascii")
