"""Who has the authority over what came from a directory on premises, to be read only."""

from __future__ import annotations

from functools import partial

from .errors import not_found
from .reading import check_options
from .service import Request, Response, Service, route

OWNERS = {"users": "/users", "groups": "/groups", "orgContacts": "/contacts"}


def _read(table: str, service: Service, request: Request) -> Response:
    check_options(request, frozenset())
    key = request.params["id"]
    owner = service.view(request).get(table, key)
    if owner is None or owner.get("onPremisesSyncEnabled") is None:
        service.rules.lean("behavior.none")
        raise not_found(key)
    context = service.context(request, f"{OWNERS[table][1:]}('{key}')/onPremisesSyncBehavior/$entity")
    managed = not owner["onPremisesSyncEnabled"]
    return Response(200, {"@odata.context": context, "id": key, "isCloudManaged": managed})


for _table, _path in OWNERS.items():
    route("GET", f"{_path}/{{id}}/onPremisesSyncBehavior", partial(_read, _table))
