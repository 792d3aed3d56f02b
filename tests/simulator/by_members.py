"""Rows that say what a principal has of a role: a list shows those of a group for each of its members, too."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from . import small
from .errors import not_found
from .rendering import all_columns, default_columns, render
from .service import Request, Response, Service
from .store import View

Obj = dict[str, Any]


def spread(view: View, held: Iterable[Obj], lean: Callable[[], None]) -> list[Obj]:
    """The rows, with one for each member of a group that has one (`lean` counts its rule); sorted by id."""
    out: list[Obj] = []
    for one in held:
        out.append(one)
        members = sorted(view.targets("groups.members", one["principalId"]))
        for member in members if view.get("groups", one["principalId"]) is not None else ():
            lean()
            out.append({**one, "id": f"{one['id']}-{member}", "principalId": member, "memberType": "Group"})
    return sorted(out, key=lambda one: str(one["id"]))


def page(service: Service, request: Request, table: str, rows: Iterable[Obj]) -> Response:
    columns = default_columns(table, request.beta)
    items = [render(one, columns) for one in rows]
    return small.page(service, request, items, frozenset(all_columns(table, request.beta)))


def single(service: Service, request: Request, table: str, rows: Iterable[Obj]) -> Response:
    """The row that the path names."""
    found = [one for one in rows if one["id"] == request.params["id"]]
    if not found:
        raise not_found(request.params["id"])
    item = render(found[0], default_columns(table, request.beta))
    return small.single(service, request, item, frozenset(item))
