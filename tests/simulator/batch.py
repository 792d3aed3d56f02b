"""JSON batching: up to 20 requests, each charged and answered on its own, in any order."""

from __future__ import annotations

import base64
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from .auth import Principal
from .errors import DropConnection, GraphError, bad_request
from .rules.registry import words
from .service import Request, Response, Service

Obj = dict[str, Any]
_LIMIT = 20
_FILES = ("image/", "text/css")
_MEMBERS = frozenset(words("id method url headers body dependsOn atomicityGroup"))


def run(service: Service, version: str, body: Any, headers: dict[str, str], principal: Principal) -> Response:
    requests = body.get("requests") if isinstance(body, dict) else None
    if not isinstance(requests, list) or not requests:
        raise bad_request("Invalid batch payload format.", "BadRequest")
    _check(service, requests)
    statuses: dict[str, int] = {}
    responses: list[Obj] = []
    outer = Response(200)
    for one in _execution_order(service, requests):
        answer = _one(service, version, one, headers, principal, statuses)
        statuses[one["id"]] = answer.status
        outer.drop = outer.drop or answer.drop
        outer.delay = max(outer.delay, answer.delay)
        if answer.truncate is not None:
            outer.truncate = answer.truncate
        responses.append(_shown(one["id"], answer))
    service.rules.lean("batch.order")
    service.rules.lean("batch.charge")
    service.rng.shuffle(responses)
    outer.body = {"responses": responses}
    return outer


def _check(service: Service, requests: list[Any]) -> None:
    if len(requests) > _LIMIT:
        service.rules.lean("batch.limits")
        raise bad_request(f"Number of batch request steps exceeds the maximum value of {_LIMIT}.", "BadRequest")
    seen: set[str] = set()
    for one in requests:
        if not isinstance(one, dict) or not isinstance(one.get("id"), str) or one["id"] in seen:
            service.rules.lean("batch.limits")
            raise bad_request("Each batch request needs a unique id of type string.", "BadRequest")
        if set(one) - _MEMBERS:
            raise bad_request(f"Unknown members in a batch request: {sorted(set(one) - _MEMBERS)}.", "BadRequest")
        for needed in one.get("dependsOn") or []:
            if needed not in seen:
                raise bad_request(f"dependsOn '{needed}' must name an earlier request.", "BadRequest")
        url = one.get("url")
        if not isinstance(url, str) or "://" in url or not one.get("method"):
            service.rules.lean("batch.limits")
            raise bad_request("Each batch request needs a method and a relative url.", "BadRequest")
        seen.add(one["id"])


def _execution_order(service: Service, requests: list[Obj]) -> list[Obj]:
    """Any order that keeps dependsOn: independent requests run in parallel, so no order may be relied on."""
    waiting, done, order = list(requests), set[str](), list[Obj]()
    while waiting:
        ready = [one for one in waiting if done.issuperset(one.get("dependsOn") or [])]
        chosen = service.rng.choice(ready)
        waiting.remove(chosen)
        done.add(chosen["id"])
        order.append(chosen)
    return order


def _one(
    service: Service,
    version: str,
    one: Obj,
    outer_headers: dict[str, str],
    principal: Principal,
    statuses: dict[str, int],
) -> Response:
    if any(statuses[needed] >= 400 for needed in one.get("dependsOn") or []):
        service.rules.lean("batch.dependency")
        return service.refusal(GraphError(424, "FailedDependency", "A request this one depends on failed."), None)
    inner_headers = {str(k).lower(): str(v) for k, v in (one.get("headers") or {}).items()}
    url = urlsplit(one["url"])
    path = "/" + url.path.lstrip("/")
    first = path.split("/")[1]
    if first in ("v1.0", "beta", "$batch"):
        service.rules.lean("batch.limits")
        return service.refusal(bad_request(f"Resource not found for the segment '{first}'.", "BadRequest"), None)
    body = one.get("body")
    if isinstance(body, str) and inner_headers.get("content-type", "").startswith(_FILES):
        body = base64.urlsafe_b64decode(body.replace("+", "-").replace("/", "_"))
    elif body is not None and "json" not in inner_headers.get("content-type", ""):
        error = bad_request("A body in a batch request needs a Content-Type header.", "BadRequest")
        return service.refusal(error, None)
    request = Request(
        method=str(one["method"]).upper(),
        version=version,
        path=path,
        query=dict(parse_qsl(url.query, keep_blank_values=True)),
        headers={**inner_headers, "accept": inner_headers.get("accept", outer_headers.get("accept", ""))},
        body=body,
        principal=principal,
        in_batch=True,
    )
    try:
        return service.handle(request)
    except DropConnection:
        # This one is not done; the others are, and the whole answer is lost.
        return Response(599, drop=True)


def _shown(request_id: str, answer: Response) -> Obj:
    headers = {"Content-Type": "application/json", **answer.headers}
    out: Obj = {"id": request_id, "status": answer.status, "headers": headers}
    if answer.body is not None and "#file" in answer.body:
        headers["Content-Type"] = answer.body["#type"]
        out["body"] = base64.urlsafe_b64encode(answer.body["#file"]).decode()
    elif answer.body is not None:
        out["body"] = answer.body
    return out
