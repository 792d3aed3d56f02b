"""Errors in the shape that Graph gives them. Every refusal of the simulator is raised as a GraphError."""

from __future__ import annotations

from typing import Any


class GraphError(Exception):
    """One refusal: status, code, message, and the extras some of them carry."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        headers: dict[str, str] | None = None,
        details: list[dict[str, Any]] | None = None,
    ) -> None:
        super().__init__(f"{status} {code}: {message}")
        self.status = status
        self.code = code
        self.message = message
        self.headers = headers or {}
        self.details = details

    def body(self, date: str, request_id: str, client_request_id: str) -> dict[str, Any]:
        error: dict[str, Any] = {"code": self.code, "message": self.message}
        if self.details is not None:
            error["details"] = self.details
        error["innerError"] = {
            "date": date,
            "request-id": request_id,
            "client-request-id": client_request_id,
        }
        return {"error": error}


class DropConnection(Exception):
    """The connection is to be cut without an answer."""


def bad_request(message: str, code: str = "Request_BadRequest", **extra: Any) -> GraphError:
    return GraphError(400, code, message, **extra)


def not_found(object_id: str) -> GraphError:
    return GraphError(
        404,
        "Request_ResourceNotFound",
        f"Resource '{object_id}' does not exist or one of its queried reference-property objects are not present.",
    )


def conflict(prop: str, text: str | None = None) -> GraphError:
    message = text or f"Another object with the same value for property {prop} already exists."
    return bad_request(message, details=[{"code": "ObjectConflict", "message": message, "target": prop}])


def denied() -> GraphError:
    return GraphError(403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.")


def unauthenticated(message: str) -> GraphError:
    return GraphError(
        401,
        "InvalidAuthenticationToken",
        message,
        headers={"WWW-Authenticate": 'Bearer realm="", error="invalid_token"'},
    )
