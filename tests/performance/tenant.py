"""A tenant of any size that is nowhere: each page is made when it is asked for, the same one every time.

Owns the page bytes that the bench feeds to the product. They go through the Graph adapter's own slicing, so that
the way from page bytes to pack bytes is the real one without the wire. Objects carry every property that the
catalog selects, most of them null, as Graph answers; ids are as random as real ones, so that sorting is work.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from hashlib import blake2b
from urllib.parse import parse_qsl, urlsplit

from shared.adapters.graph.origin import Origin
from shared.adapters.graph.pages import slice_page
from shared.catalog.registry import CATALOG
from shared.domain.errors import Fault
from shared.domain.ports import GraphRequest, GraphResponse, Page

PAGE = 999
MEMBERS = 5  # of each group: fewer than 20, so that they come with their group
CHANGED_EVERY = 100
ORIGIN = Origin.configured("https://graph.microsoft.com")
ROLES = frozenset(name for group in CATALOG.needs(write=False) for name in group)
_PARTS = 5  # of five objects four are users and one is a group
_NAMES = (
    "Łukasz Ångström",
    "Zoë Müller",
    "Ada Lovelace",
    "Søren Novák",
    "小龍 田中",
    "Grace Hopper",
    "Iñigo Núñez",
)
_PLACES = ("Utrecht", "Münster", "Lyon", "Gent", "Aarhus")


def object_id(kind: str, number: int) -> str:
    text = blake2b(f"{kind}{number}".encode(), digest_size=16).hexdigest()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def _rest(type_name: str, filled: set[str]) -> str:
    """The selected properties that are not filled, null or empty, as text that ends an object."""
    spec = CATALOG.get(type_name)
    empty = {name: [] if name in spec.sets else None for name in spec.select if name not in filled}
    return json.dumps(empty, separators=(",", ":"))[1:]


_USER = {
    "id", "accountEnabled", "displayName", "givenName", "surname", "userPrincipalName", "mail", "mailNickname",
    "employeeId", "jobTitle", "officeLocation", "createdDateTime", "securityIdentifier", "userType",
    "proxyAddresses", "identities", "usageLocation", "department",
}  # fmt: skip
_GROUP = {
    "id", "displayName", "description", "mailNickname", "mailEnabled", "securityEnabled", "createdDateTime",
    "securityIdentifier",
}  # fmt: skip
_USER_REST, _GROUP_REST = _rest("users", _USER), _rest("groups", _GROUP)


def user(number: int, *, changed: bool = False) -> str:
    key = object_id("user", number)
    first, last = _NAMES[number % len(_NAMES)].split()
    nick = f"user{number:07d}"
    upn = f"{nick}@contoso.example"
    title = "Promoted" if changed else ("Analyst", "Engineer", "Counsel")[number % 3]
    sid = "-".join(str(int(key[at : at + 4], 16)) for at in (0, 9, 14, 19))
    return (
        f'{{"id":"{key}","accountEnabled":true,"displayName":"{first} {last} {number}","givenName":"{first}",'
        f'"surname":"{last}","userPrincipalName":"{upn}","mail":"{upn}","mailNickname":"{nick}",'
        f'"employeeId":"E{number:07d}","jobTitle":"{title}","officeLocation":"{_PLACES[number % 5]}",'
        f'"createdDateTime":"2024-{number % 12 + 1:02d}-{number % 28 + 1:02d}T08:{number % 60:02d}:00Z",'
        f'"securityIdentifier":"S-1-12-1-{sid}","userType":"Member","proxyAddresses":["SMTP:{upn}"],'
        f'"identities":[{{"signInType":"userPrincipalName","issuer":"contoso.example","issuerAssignedId":"{upn}"}}],'
        f'"usageLocation":"NL","department":"Department {number % 40}",{_USER_REST}'
    )


def group(number: int, *, changed: bool = False) -> str:
    key = object_id("group", number)
    text = "Changed" if changed else "By hand"
    return (
        f'{{"id":"{key}","displayName":"Group {number}","description":"{text}","mailNickname":"group{number}",'
        f'"mailEnabled":false,"securityEnabled":true,"createdDateTime":"2024-01-{number % 28 + 1:02d}T08:00:00Z",'
        f'"securityIdentifier":"S-1-12-1-{int(key[:8], 16)}-{int(key[9:13], 16)}",{_GROUP_REST}'
    )


def group_with_members(number: int, users: int) -> str:
    members = ",".join(
        f'{{"@odata.type":"#microsoft.graph.user","id":"{object_id("user", (number * 7 + step) % users)}"}}'
        for step in range(MEMBERS)
    )
    return f'{{"id":"{object_id("group", number)}","members":[{members}]}}'


class StreamedTenant:
    """A `Directory` of `objects` users and groups, and nothing else but the two single objects.

    `changed`: one in a hundred objects differs from the tenant without it."""

    def __init__(self, objects: int, *, changed: bool = False) -> None:
        self.groups = max(1, objects // _PARTS)
        self.users = max(1, objects - self.groups)
        self._changed = changed

    @property
    def changes(self) -> int:
        """How many objects differ from the tenant without changes."""
        return sum(-(-count // CHANGED_EVERY) for count in (self.users, self.groups))

    async def page(self, request: GraphRequest) -> Page:
        body, delta = self.body(request.path), "/delta" in urlsplit(request.path).path
        page = slice_page(body, path=request.path, origin=ORIGIN)
        if delta and page.delta_link is None:
            raise Fault("a delta feed without a delta link")
        return page

    def body(self, path: str) -> bytes:
        """The answer to a listing, as it would come over the wire."""
        parts = urlsplit(path)
        query = dict(parse_qsl(parts.query))
        name = parts.path.removeprefix("/v1.0/").removeprefix("beta/").strip("/")
        if name.endswith("/delta"):
            return f'{{"value":[],"@odata.deltaLink":"{ORIGIN.url}{parts.path}?$deltatoken=1"}}'.encode()
        make, count = self._listing(name, query)
        at = int(query.get("$skiptoken", "0"))
        end = min(at + PAGE, count)
        kept = "&".join(f"{key}={value}" for key, value in query.items() if key != "$skiptoken")
        link = f',"@odata.nextLink":"{ORIGIN.url}{parts.path}?{kept}&$skiptoken={end}"' if end < count else ""
        items = ",".join(make(number) for number in range(at, end))
        return f'{{"@odata.context":"{ORIGIN.url}/v1.0/$metadata#x","value":[{items}]{link}}}'.encode()

    def _listing(self, name: str, query: dict[str, str]) -> tuple[Callable[[int], str], int]:
        bare = query.get("$select") == "id"
        expanded = query.get("$expand", "").partition("(")[0]
        if name == "users":
            if expanded == "sponsors":
                return lambda number: f'{{"id":"{object_id("user", number)}","sponsors":[]}}', self.users
            if bare:
                return self._managed, self.users
            return lambda number: user(number, changed=self._differs(number)), self.users
        if name == "groups":
            if expanded == "members":
                return lambda number: group_with_members(number, self.users), self.groups
            if bare:
                return self._owned, self.groups
            return lambda number: group(number, changed=self._differs(number)), self.groups
        return lambda number: "", 0

    def _differs(self, number: int) -> bool:
        return self._changed and number % CHANGED_EVERY == 0

    def _managed(self, number: int) -> str:
        manager = object_id("user", number // 8)
        return f'{{"id":"{object_id("user", number)}","manager":{{"id":"{manager}"}}}}'

    def _owned(self, number: int) -> str:
        owner = object_id("user", number % self.users)
        tag = "#microsoft.graph.user"
        return f'{{"id":"{object_id("group", number)}","owners":[{{"@odata.type":"{tag}","id":"{owner}"}}]}}'

    async def send(self, request: GraphRequest) -> GraphResponse:
        return GraphResponse(200, b'{"id":"the-only-one","displayName":"Contoso"}', "request-1")

    async def batch(self, requests: Sequence[GraphRequest]) -> list[GraphResponse]:
        raise Fault("nothing in this tenant is read by batch")

    async def roles(self) -> frozenset[str] | None:
        return ROLES
