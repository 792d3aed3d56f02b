"""The tenant as a service: one request in, one answer out, without any HTTP.

`Service.handle` is what the HTTP layer, `$batch` and scripted incidents all call. It finds the route, checks the
permission, charges the throttle, applies fault rules and runs the operation. What a route does is in reading.py,
writing.py, links.py, bins.py, conditional_access.py, delta.py and audit.py.
"""

from __future__ import annotations

import random
import re
import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, unquote, urlencode

from .auth import Principal, TokenIssuer
from .clock import SimClock, iso
from .errors import DropConnection, GraphError, bad_request, denied
from .faults import FaultPlan
from .rules import costs
from .rules.behaviour import BEHAVIOUR
from .rules.permissions import PERMISSIONS, allowed
from .rules.registry import RuleBook
from .rules.types import OPEN_EXTENSIONS, TYPES
from .store import Store, View
from .throttle import Throttle


@dataclass
class Request:
    method: str
    version: str  # v1.0 or beta
    path: str  # without version, starts with /
    query: dict[str, str]
    headers: dict[str, str]  # lower-case names
    body: Any
    principal: Principal
    in_batch: bool = False
    scripted: bool = False  # an incident: no permissions, no throttle, no faults, no lag
    params: dict[str, str] = field(default_factory=dict)
    template: str = ""
    effects: dict[str, Any] = field(default_factory=dict)
    replica: float | None = None  # share of the lag, drawn once per request

    @property
    def beta(self) -> bool:
        return self.version == "beta"

    def json(self) -> dict[str, Any]:
        if not isinstance(self.body, dict):
            raise bad_request("Empty or invalid payload. JSON content expected.", "BadRequest")
        return self.body


@dataclass
class Response:
    status: int
    body: dict[str, Any] | None = None
    headers: dict[str, str] = field(default_factory=dict)
    drop: bool = False
    truncate: int | None = None
    delay: float = 0.0


@dataclass
class Settings:
    lag: float = 0.0
    replicas: tuple[float, ...] = (1.0, 0.5, 0.1)  # shares of the lag, one replica each
    audit_lag: float = 0.0
    page_token_life: float = 3600.0
    delta_token_life: float = 7 * 86400.0
    delta_expiry: str = "mixed"  # 410, 400 or mixed
    list_page_cap: int = 999
    list_page_default: int = 100
    delta_page_objects: int = 200
    delta_page_links: int = 500
    delta_empty_pages: float = 0.05
    list_empty_pages: float = 0.02
    delta_replays: float = 0.02
    group_caller_becomes_owner: bool = True
    security_groups_in_bin: bool = True
    full_annotations: bool = False
    new_properties: dict[str, list[str]] = field(default_factory=dict)  # by table: what $metadata declares on top
    premium: bool = True  # Entra ID P1: conditional access, custom roles
    premium_p2: bool = True  # Entra ID P2: privileged identity management
    premium_refusal: int = 400  # what the paths of privileged identity management answer without it
    count_skew: int = 0  # what $count is off by


Handler = Callable[["Service", Request], Response]
_SEGMENT = re.compile(r"^([\w$.\-]+)\((.*)\)$")
_ROUTES: list[tuple[str, re.Pattern[str], str, Handler]] = []


def route(method: str, template: str, handler: Handler) -> None:
    """Register one operation. Literal segments win over parameters because routes are sorted by their count."""
    pattern = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", template.replace("$", r"\$"))
    _ROUTES.append((method, re.compile(f"^{pattern}$", re.IGNORECASE), template, handler))
    _ROUTES.sort(key=lambda r: (r[2].count("{"), -len(r[2])))


Guard = Callable[["Service", Request], None]
_GUARDS: list[Guard] = []


def guard(check: Guard) -> None:
    """Register a check that every permitted request passes before its operation, scripted ones too."""
    _GUARDS.append(check)


def normalise(path: str) -> str:
    """`/users('x')/manager` -> `/users/x/manager`; `(appId='x')` -> `/appId=x`; `delta()` -> `delta`."""
    out: list[str] = []
    for raw in path.strip("/").split("/"):
        segment = unquote(raw)
        found = _SEGMENT.match(segment)
        if found is None:
            out.append(segment.removeprefix("microsoft.graph.") if segment == "microsoft.graph.delta" else segment)
            continue
        name, inside = found.group(1), found.group(2).strip()
        out.append(name.removeprefix("microsoft.graph.") if not inside else name)
        if inside:
            out.append(inside.replace("''", "\0").replace("'", "").replace("\0", "'"))
    return "/" + "/".join(out)


class Service:
    def __init__(self, clock: SimClock, seed: int = 0) -> None:
        self.clock = clock
        self.rng = random.Random(seed)
        self.rules = RuleBook(BEHAVIOUR)
        self.store = Store(clock)
        for rule in TYPES.values():
            self.store.declare(rule.table, rule.unique)
            if rule.has_bin:
                self.store.declare(
                    f"bin:{rule.table}", ("uniqueName", "identifierUris") if rule.reserved_in_bin else ()
                )
        self.store.declare(OPEN_EXTENSIONS)
        self.settings = Settings()
        self.faults = FaultPlan()
        self.tenant_id = ""
        self.origin = "http://127.0.0.1"
        self.info: dict[str, Any] = {}
        self.tokens: TokenIssuer
        self.throttle: Throttle
        self.cursors: dict[str, dict[str, Any]] = {}
        self.delta_tokens: dict[str, dict[str, Any]] = {}
        self.audits: list[tuple[float, str]] = []  # (time, id), oldest first
        self.stats = Stats()

    def start(self, tenant_id: str) -> None:
        """After seeding: what needs the tenant's id and size."""
        self.tenant_id = tenant_id
        self.tokens = TokenIssuer(self.clock, tenant_id, self.rng.randbytes(32))
        self.throttle = Throttle(self.clock, self.rules, tenant_id)
        users = len(self.store.tables["users"])
        self.throttle.size = "S" if users < 50 else "M" if users <= 500 else "L"

    # --- time and replicas

    def now_iso(self) -> str:
        return iso(self.clock.now())

    def view(self, request: Request, lag_factor: float = 1.0) -> View:
        """The tenant as the replica that serves this request has it."""
        if request.scripted or self.settings.lag <= 0:
            return self.store.view()
        if request.replica is None:
            request.replica = self.rng.choice(self.settings.replicas)
        seq = self.store.seq_at(self.clock.now() - self.settings.lag * request.replica * lag_factor)
        if seq < self.store.seq:
            self.rules.lean("lag.reads")
            if len(self.settings.replicas) > 1:
                self.rules.lean("lag.flapping")
        return self.store.view(seq)

    # --- page tokens

    def remember(self, cursor: dict[str, Any]) -> str:
        token = f"m~{self.rng.getrandbits(128):032x}"
        cursor["expires"] = self.clock.now() + self.settings.page_token_life
        self.cursors[token] = cursor
        return token

    def recall(self, token: str, request: Request) -> dict[str, Any]:
        cursor = self.cursors.get(token)
        if cursor is None:
            raise bad_request("The specified page token is invalid.", "Directory_InvalidPageToken")
        if request.effects.get("expirePageToken") or cursor["expires"] <= self.clock.now():
            self.rules.lean("list.page-token-life")
            raise bad_request(
                "The specified page token value has expired and can no longer be included in your request.",
                "Directory_ExpiredPageToken",
            )
        return cursor

    def link(self, request: Request, query: dict[str, str]) -> str:
        origin = self.origin
        host = request.effects.get("nextLinkHost")
        if host:
            origin = host if "://" in host else f"http://{host}"
        path = quote(request.path, safe="/=$'()@:")
        return f"{origin}/{request.version}{path}?{urlencode(query, safe='$,()')}"

    def context(self, request: Request, fragment: str) -> str:
        return f"{self.origin}/{request.version}/$metadata#{fragment}"

    # --- one request

    def handle(self, request: Request) -> Response:
        self.stats.operations += 1
        request.path = normalise(request.path)
        template, handler = self._find(request)
        request.template = template
        charge = costs.charge(request.method, template, request.query)
        headers: dict[str, str] = {}
        try:
            if not request.scripted:
                self._begin(request)
                headers = self.throttle.take(request.principal.app_id, charge)
                self.stats.spend(request, charge.units if charge.island == "directory" else 0)
                self._permit(request)
            for check in _GUARDS:
                check(self, request)
            response = handler(self, request)
        except GraphError as error:
            silent = error.status == 200 and not isinstance(error, InjectedError)  # no licence, and no word of it
            response = Response(200, {"value": []}) if silent else self.refusal(error, request)
            if error.status == 429:
                self.stats.throttled += 1
        response.headers = {**headers, **response.headers}
        return self.finish(request, response)

    def refusal(self, error: GraphError, request: Request | None) -> Response:
        request_id = str(uuid.UUID(int=self.rng.getrandbits(128)))
        client_id = request_id if request is None else request.headers.get("client-request-id", request_id)
        body = error.body(self.now_iso().rstrip("Z")[:19], request_id, client_id)
        return Response(error.status, body, {**error.headers, "request-id": request_id})

    def _find(self, request: Request) -> tuple[str, Handler]:
        other_methods = False
        for method, pattern, template, handler in _ROUTES:
            found = pattern.match(request.path)
            if found is None:
                continue
            if method != request.method:
                other_methods = True
                continue
            request.params = found.groupdict()
            return template, handler
        self.stats.unknown[f"{request.method} {request.path}"] += 1
        return "(unknown)", _not_allowed if other_methods else _no_such_path

    def _begin(self, request: Request) -> None:
        path = f"/{request.version}{request.path}"
        query = "&".join(f"{k}={v}" for k, v in request.query.items())
        request.effects = self.faults.effects(
            request.method, path, request.principal.app_id, in_batch=request.in_batch, query=query
        )
        effects = request.effects
        if effects.get("dropConnectionBeforeCommit"):
            raise DropConnection
        if "status" in effects and not effects.get("afterCommit"):
            raise InjectedError(effects)

    def _permit(self, request: Request) -> None:
        granted = self.granted(request)
        if request.template == "(unknown)":
            return
        if request.template.startswith("/identity/conditionalAccess") and not self.settings.premium:
            self.rules.lean("licence.conditional-access")
            status = 200 if self.settings.premium_refusal == 200 else 403
            raise GraphError(status, "AccessDenied", "Your tenant is not licensed for this feature.")
        # An empty entry means: the operation checks by the type it finds. A missing one is a mistake of ours.
        needed = PERMISSIONS[(request.method, request.template)]
        if needed and not allowed(needed, granted):
            self.rules.lean("auth.permission")
            raise denied()
        if request.template.endswith("/members/$ref"):
            self.rules.lean("auth.add-member-app-only")

    def granted(self, request: Request) -> frozenset[str]:
        hidden = request.effects.get("hidePermission")
        if hidden is None:
            return request.principal.permissions
        return request.principal.permissions - set([hidden] if isinstance(hidden, str) else hidden)

    def may(self, request: Request, *needed: str) -> bool:
        return request.scripted or set(needed) <= self.granted(request)

    def finish(self, request: Request, response: Response) -> Response:
        effects = request.effects
        committed = response.status < 400
        if effects.get("dropConnectionAfterCommit") and committed:
            response.drop = True
        if committed and (effects.get("loseAnswer") or (effects.get("afterCommit") and "status" in effects)):
            status = effects.get("status", 504)
            response = Response(
                status,
                effects.get("body")
                or GraphError(status, "UnknownError", "The gateway timed out.").body(self.now_iso(), "", ""),
                dict(effects.get("headers", {})),
            )
        if "truncateBody" in effects:
            response.truncate = int(effects["truncateBody"])
        response.delay = float(effects.get("delaySeconds", 0))
        return response


class InjectedError(GraphError):
    """A fault rule's answer in place of the operation."""

    def __init__(self, effects: dict[str, Any]) -> None:
        status = int(effects["status"])
        super().__init__(status, _CODES.get(status, "generalException"), "A fault rule answered.")
        self.headers = {k: str(v) for k, v in effects.get("headers", {}).items()}
        self._given = effects.get("body")

    def body(self, date: str, request_id: str, client_request_id: str) -> dict[str, Any]:
        if isinstance(self._given, dict):
            return self._given
        return super().body(date, request_id, client_request_id)


_CODES = {
    401: "InvalidAuthenticationToken",
    403: "Authorization_RequestDenied",
    404: "Request_ResourceNotFound",
    409: "Conflict",
    429: "TooManyRequests",
    500: "InternalServerError",
    502: "BadGateway",
    503: "ServiceUnavailable",
    504: "GatewayTimeout",
}


def _no_such_path(service: Service, request: Request) -> Response:
    raise bad_request(f"Resource not found for the segment '{request.path.split('/')[1]}'.", "BadRequest")


def _not_allowed(service: Service, request: Request) -> Response:
    raise GraphError(405, "Request_BadRequest", "Specified HTTP method is not allowed for the request target.")


@dataclass
class Stats:
    """Counts since the last reset. A request is one HTTP round trip, an operation one inner request."""

    requests: int = 0
    operations: int = 0
    units: int = 0
    writes: int = 0
    throttled: int = 0
    by_path: Counter[str] = field(default_factory=Counter)
    units_by_path: Counter[str] = field(default_factory=Counter)
    by_app: Counter[str] = field(default_factory=Counter)
    units_by_app: Counter[str] = field(default_factory=Counter)
    statuses: Counter[str] = field(default_factory=Counter)
    unknown: Counter[str] = field(default_factory=Counter)

    def spend(self, request: Request, units: int) -> None:
        key = f"{request.method} {request.template}"
        self.by_path[key] += 1
        self.units_by_path[key] += units
        self.by_app[request.principal.app_id] += 1
        self.units_by_app[request.principal.app_id] += units
        self.units += units
        if request.method != "GET" and request.template not in costs.READ_ONLY_POSTS:
            self.writes += 1

    def as_json(self) -> dict[str, Any]:
        return {
            "requests": self.requests,
            "operations": self.operations,
            "resourceUnits": self.units,
            "writes": self.writes,
            "throttled": self.throttled,
            "operationsByPath": dict(self.by_path),
            "resourceUnitsByPath": dict(self.units_by_path),
            "operationsByApp": dict(self.by_app),
            "resourceUnitsByApp": dict(self.units_by_app),
            "statuses": dict(self.statuses),
            "unknownPaths": dict(self.unknown),
        }
