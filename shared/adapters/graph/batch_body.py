"""The form of `$batch`, in plain JSON.

Owns building a batch and reading its answer; what is sent again is `batch`'s. What must stay true: one API
version a batch, at most 20 requests, relative URLs without version; answers are matched by id, in any order;
an id that is answered twice, or not at all, has no answer. The SDK's batch classes are not used: they send
absolute URLs, which Graph refuses, and lose `dependsOn`.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import replace
from urllib.parse import quote

from shared.adapters.graph.errors import refusal
from shared.adapters.graph.origin import version_of
from shared.domain import data_uri
from shared.domain.objects import JsonObject
from shared.domain.ports import GraphRequest, GraphResponse
from shared.engines import rawjson
from shared.engines.rawjson import BrokenBody

SIZE = 20  # learn.microsoft.com, "Combine multiple HTTP requests using JSON batching"
_STANDARD = str.maketrans("-_", "+/")
_PRINTABLE = "".join(chr(code) for code in range(33, 127))  # stays as it is, "%" included


def chunks(requests: Iterable[tuple[int, GraphRequest]]) -> Iterator[dict[int, GraphRequest]]:
    """Numbered requests in chunks, each of one API version and at most 20."""
    by_version: dict[str, list[tuple[int, GraphRequest]]] = {}
    for number, request in requests:
        by_version.setdefault(version_of(request.path), []).append((number, request))
    for group in by_version.values():
        for start in range(0, len(group), SIZE):
            yield dict(group[start : start + SIZE])


def payload(requests: Mapping[int, GraphRequest], headers: Mapping[int, Mapping[str, str]]) -> JsonObject:
    """The body of a batch; the numbers are the ids."""
    return {"requests": [_inner(n, request, headers[n]) for n, request in requests.items()]}


def _inner(number: int, request: GraphRequest, headers: Mapping[str, str]) -> JsonObject:
    url = request.path[len(version_of(request.path)) + 1 :]
    inner: JsonObject = {
        "id": str(number),
        "method": request.method,
        "url": quote(url, safe=_PRINTABLE),
    }
    if headers:
        inner["headers"] = dict(headers)
    if request.body is not None:
        inner["body"] = request.body
    return inner


def decode(body: bytes, request_id: str, files: Container[int] = ()) -> dict[int, GraphResponse]:
    """Answers by number. Raises `BrokenBody` where it is not the whole body of a batch answer. `files`: numbers of
    requests that are answered with a file."""
    found: dict[int, GraphResponse] = {}
    twice: set[int] = set()
    listed = rawjson.members(body).get("responses")
    if listed is None:
        raise BrokenBody("the batch answer has no responses")
    for entry in rawjson.elements(listed):
        answer = rawjson.members(entry)
        name = rawjson.text(answer.get("id"))
        if not (name.isascii() and name.isdigit()):
            continue  # not an id of ours
        number = int(name)
        if number in found:
            twice.add(number)
        response = _response(answer, request_id)
        found[number] = _with_file(response) if number in files and response.ok else response
    for number in twice:
        del found[number]
    return found


def _with_file(response: GraphResponse) -> GraphResponse:
    """A file comes as base64 text in a batch, be it of the alphabet for URLs (learn.microsoft.com, "Combine
    multiple HTTP requests using JSON batching")."""
    text = rawjson.text(response.body).translate(_STANDARD).rstrip("=")
    try:
        content = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except binascii.Error:
        raise BrokenBody("a file in a batch is no base64") from None
    file = data_uri.encode(response.headers.get("content-type", ""), content)
    return replace(response, body=rawjson.encode(file))


def _response(answer: Mapping[str, bytes], request_id: str) -> GraphResponse:
    status = rawjson.number(answer.get("status"))
    headers: dict[str, str] = {}
    for name, value in rawjson.members(answer.get("headers", b"{}")).items():
        headers[name.lower()] = rawjson.text(value) if value.startswith(b'"') else value.decode("utf-8")
    body = answer.get("body", b"null")
    body = b"" if body == b"null" else body
    own = headers.get("request-id", "")
    if not own and status >= 400:
        own = refusal(body).request_id
    return GraphResponse(status, body, (own or request_id)[:64], headers)
