"""The authentication methods that users registered, to be read only."""

from __future__ import annotations

from typing import Any

from .reading import check_options, resolve
from .service import Request, Response, Service, route

Obj = dict[str, Any]
# Ids of methods by kind, the same for every user (Microsoft Graph: passwordAuthenticationMethod and
# phoneAuthenticationMethod resource types).
PASSWORD_ID = "28c10230-6103-485e-b985-444c60001490"
MOBILE_ID = "3179e48a-750b-4051-897c-87b9720928f7"


def methods_of(user: Obj) -> list[Obj]:
    """Everybody has a password, and whose mobile phone is known has it as a method, too."""
    found: list[Obj] = [
        {
            "@odata.type": "#microsoft.graph.passwordAuthenticationMethod",
            "id": PASSWORD_ID,
            "password": None,
            "createdDateTime": user.get("createdDateTime"),
        }
    ]
    if user.get("mobilePhone"):
        found.append(
            {
                "@odata.type": "#microsoft.graph.phoneAuthenticationMethod",
                "id": MOBILE_ID,
                "phoneNumber": user["mobilePhone"],
                "phoneType": "mobile",
                "smsSignInState": "notAllowedByPolicy",
            }
        )
    return found


def list_methods(service: Service, request: Request) -> Response:
    check_options(request, frozenset())
    view = service.view(request)
    user = view.get("users", resolve(service, view, "users", request.params["id"]))
    assert user is not None
    context = service.context(request, f"users('{user['id']}')/authentication/methods")
    return Response(200, {"@odata.context": context, "value": methods_of(user)})


route("GET", "/users/{id}/authentication/methods", list_methods)
