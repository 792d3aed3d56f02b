"""Pages of listings, cut into items.

Owns the way from a response body to `Page`. What must stay true: a body that is cut short, holds an error or
has no `value` is `BrokenBody`, never a short page; links lose their origin, and only links to ours pass.
"""

from __future__ import annotations

from shared.adapters.graph.origin import Origin
from shared.domain.ports import Page
from shared.engines import rawjson
from shared.engines.rawjson import BrokenBody


def slice_page(body: bytes, *, path: str, origin: Origin, request_id: str = "") -> Page:
    """The page in a 200 body. `path` is the request's; a next link that leads back to it would never end."""
    members = rawjson.members(body)
    if "value" not in members or "error" in members:
        raise BrokenBody("the page has no value list, or holds an error")
    items = rawjson.elements(members["value"])
    next_link = _link(members, "@odata.nextLink", path, origin)
    delta_link = _link(members, "@odata.deltaLink", path, origin)
    if next_link == path:
        raise BrokenBody("the next link leads back to its own page")
    return Page(tuple(rawjson.one_line(item) for item in items), next_link, delta_link, request_id)


def _link(members: dict[str, bytes], name: str, path: str, origin: Origin) -> str | None:
    """None only where the member is absent: anything else that is no link might hide the rest of a listing."""
    if name not in members:
        return None
    link = rawjson.text(members[name])
    if not link:
        raise BrokenBody(f"{name} is empty")
    return origin.path_of(link, base=path)
