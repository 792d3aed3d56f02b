"""Templates of provisioning jobs that applications offer, to be read only; held in a hidden member of each."""

from __future__ import annotations

from typing import Any

from .errors import not_found
from .reading import check_options
from .service import Request, Response, Service, route

Obj = dict[str, Any]
HELD = "_provisioningTemplates"
PATH = "/applications/{id}/synchronization/templates"


def list_templates(service: Service, request: Request) -> Response:
    check_options(request, frozenset())
    key = request.params["id"]
    application = service.view(request).get("applications", key)
    if application is None or not application.get(HELD):
        service.rules.lean("templates.none")
        raise not_found(key)
    context = service.context(request, f"applications('{key}')/synchronization/templates")
    return Response(200, {"@odata.context": context, "value": application[HELD]})


route("GET", PATH, list_templates)
