"""Which server gets our credentials, and nothing else does.

Owns the allow-list: exactly one origin, the configured one, which is a Microsoft cloud or this machine. What
must stay true: no URL that the service or stored state hands us is followed before `path_of` accepted it.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

from shared.domain.errors import ForeignLink, Unusable

# learn.microsoft.com, "National clouds": Microsoft Graph root endpoints.
CLOUD_HOSTS = frozenset(
    {
        "graph.microsoft.com",
        "graph.microsoft.us",
        "dod-graph.microsoft.us",
        "microsoftgraph.chinacloudapi.cn",
    }
)
_PORTS = {"https": 443, "http": 80}
VERSIONS = ("v1.0", "beta")
_CLIMBS = re.compile(r"/(\.|%2e){1,2}(/|$)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Origin:
    """Scheme, host and port, in normal form."""

    scheme: str
    host: str
    port: int

    @classmethod
    def configured(cls, url: str) -> Origin:
        """The origin of a configured Graph URL. Raises `Unusable` where a token must not be sent there."""
        found = cls._split(url)
        if found is None:
            raise Unusable("the Graph URL is not an http or https URL", hint="set HOLDFAST_GRAPH_URL")
        origin, rest = found
        if rest not in ("", "/"):
            raise Unusable(
                "the Graph URL has a path or query",
                hint="give scheme and host only; the API version is chosen by each request",
            )
        if origin.is_loopback:
            return origin
        if origin.scheme != "https" or origin.host not in CLOUD_HOSTS or origin.port != _PORTS["https"]:
            raise Unusable(
                "the Graph URL is neither a Microsoft Graph endpoint over https nor on this machine",
                hint=f"one of {', '.join(sorted(CLOUD_HOSTS))}, or a loopback address",
            )
        return origin

    @staticmethod
    def _split(url: str) -> tuple[Origin, str] | None:
        """Origin and the rest of an absolute URL; None where it is not one that we would ever call."""
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            return None
        if parts.scheme not in _PORTS or not parts.hostname or "@" in parts.netloc or "\\" in url:
            return None
        rest = parts.path + (f"?{parts.query}" if parts.query else "")
        host = parts.hostname.rstrip(".")
        return Origin(parts.scheme, host, _PORTS[parts.scheme] if port is None else port), rest

    @property
    def is_loopback(self) -> bool:
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    @property
    def url(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == _PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{host}{port}"

    @property
    def scope(self) -> str:
        """Entra ID takes scopes without port."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}/.default"

    def path_of(self, link: str, *, base: str = "/") -> str:
        """Path and query of a link of this origin; a relative link counts from `base`.

        Raises `ForeignLink` for any other origin; the message names the host only.
        """
        try:
            absolute = urljoin(self.url + base, link)
        except ValueError:
            raise ForeignLink("Graph sent a link that is not a URL") from None
        found = self._split(absolute)
        if found is None:
            raise ForeignLink("Graph sent a link that is not a URL of this service")
        origin, rest = found
        if origin != self:
            raise ForeignLink(
                f"Graph sent a link to {origin.scheme}://{origin.host[:80]}, which gets no credentials from us",
                hint="nothing was sent there; find out who answers for the Graph endpoint",
            )
        return rest


def version_of(path: str) -> str:
    """API version of a request path. Raises `Unusable` for a path that would not reach what it names: "#"
    (guests have it in their names) would cut the URL there, dots climb out of it."""
    version = path.split("/", 2)[1] if path.startswith("/") and path.count("/") > 1 else ""
    strange = any(c in "#\\" or (ord(c) < 33 and c != " ") for c in path)
    if version not in VERSIONS or strange or _CLIMBS.search(path.partition("?")[0]):
        raise Unusable("a Graph request path needs an API version and percent-encoded values")
    return version
