"""The form of a plain type: a collection or a singleton that is read, written and deleted as its page says.

A row names the pages it was written from (`rule.source`) and the permissions that the reference lists for each
method. What a page leaves open is a rule in behaviour_plain.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from .form import TypeRule
from .registry import Alternatives

Obj = dict[str, Any]


@dataclass(frozen=True)
class Named:
    """Ids within an object's values: each must be that of a live object of `tables`, or one of `literals`.

    `path` is dotted, `[]` steps into lists. `key`: the property that is named, if not the id. `text`: ids stand
    within longer text, such as a query."""

    path: str
    tables: tuple[str, ...]
    key: str = "id"
    literals: tuple[str, ...] = ()
    text: bool = False


@dataclass(frozen=True)
class Plain:
    """`rule.path` may hold `{id}` for a parent of the table `parent`.

    No `change` permissions: nothing can be changed; no `create`: nothing can be made or deleted. `kinds`: the
    concrete types of an abstract one, by @odata.type. `inline`: relationships that are shown and taken within the
    object. `whole`: an update is a PUT of the whole object. `defaults`: what the service fills in at creation.
    `starts`: what every tenant has (with `id`; children with `_parent`). `absent`: a singleton, or a parent's list,
    that is 404 until it is written, by the method `makes` if not by an update. A singleton with a parent: each of
    those has one at most.
    `keyed`: the member that is the key, if not the id. `licence`: P1 or P2, without which the paths are refused.
    `within`: the one of `inline` by which an object belongs to another: named at creation as `{id}`, never changed,
    and gone with it. `asked`: those of `inline` that are shown if asked for, with the table of what they name by id
    ("": the objects are this one's own). `requested`: where requests are POSTed that alone make such objects.
    `once`: members that together no two objects have. `goes_with`: dotted paths of ids, or of paths that end with
    one, without whose objects there is none. `begins`: paths of dates that no write sets to one that is past.
    `only_where`: members that change only where all texts at a path match, before and after. `singly`: members that
    no list shows. `bin`: path of what was deleted, from where it can be restored. `versioned`: members that only a
    new version changes, for which the whole object is POSTed as `version` says. `held_while`: links to an object,
    by relationship, that are gone once a member of it has another value than this one."""

    rule: TypeRule
    read: Alternatives
    change: Alternatives = ()
    create: Alternatives = ()
    delete: Alternatives | None = None  # None: as `create`
    singleton: bool = False
    parent: str = ""
    kinds: dict[str, str] = field(default_factory=dict)
    inline: tuple[str, ...] = ()
    assigned: str = ""  # the links' name on their other end, where alone they are written
    assign: Alternatives = ()
    alone: bool = False  # nothing is linked to two of the type
    within: str = ""
    asked: dict[str, str] = field(default_factory=dict)
    called: tuple[str, ...] = ()  # those of `asked` whose objects the caller names
    requested: str = ""
    once: tuple[str, ...] = ()
    goes_with: tuple[str, ...] = ()
    grows: tuple[str, ...] = ()  # those of `inline` that are shown if asked for, and change as `{name}@delta`
    # Objects that are named by id within a value, by path and table: they are shown in full.
    embeds: dict[str, str] = field(default_factory=dict)
    prefix: str = ""  # put before the id that a creation gives
    joined: tuple[str, ...] = ()  # members that make the id
    fixed: str = ""  # ids that begin so are Microsoft's: what has one is not written, nor what it contains
    sole: tuple[str, ...] = ()  # members by which a parent has one object at most
    whole: bool = False
    defaults: Obj = field(default_factory=dict)
    stamps: tuple[str, ...] = ()  # set to the moment of each write
    made: tuple[str, ...] = ()  # set to the moment of creation
    names: tuple[Named, ...] = ()
    starts: tuple[Obj, ...] = ()
    absent: bool = False
    makes: str = ""
    lone: str = ""  # the id that the only one there is always has
    first: str = ""  # the id of one that is made together with a parent's first
    keyed: str = "id"
    begins: tuple[str, ...] = ()
    only_where: dict[str, tuple[str, str]] = field(default_factory=dict)
    singly: tuple[str, ...] = ()
    bin: str = ""
    versioned: tuple[str, ...] = ()
    version: tuple[str, str] = ("", "")  # last segment of the path, name in the body
    held_while: dict[str, tuple[str, str]] = field(default_factory=dict)
    licence: str = ""
    versions: tuple[str, ...] = ("v1.0", "beta")
    made_at: str = ""  # where a creation is sent, if not to the collection
    listed_only: bool = False  # there is no reading of a single one

    @property
    def table(self) -> str:
        return self.rule.table

    @property
    def item(self) -> str:
        """Path of one object."""
        return self.rule.root if self.singleton else f"{self.rule.root}/{{{self.key}}}"

    @property
    def key(self) -> str:
        return "child" if self.parent else "id"

    @property
    def deleting(self) -> Alternatives:
        return self.create if self.delete is None else self.delete

    def methods(self) -> Iterator[tuple[str, str, Alternatives]]:
        """Method, path and permissions of each operation that there is."""
        if not self.listed_only:
            yield "GET", self.item, self.read
        if not self.singleton:
            yield "GET", self.rule.root, self.read
        if self.change:
            yield "PUT" if self.whole else "PATCH", self.item, self.change
        if self.create and not self.singleton:
            yield "POST", self.requested or self.made_at or self.rule.root, self.create
        if self.makes:
            yield self.makes, self.item, self.create
        if self.deleting:
            yield "DELETE", self.item, self.deleting
        if self.versioned:
            yield "POST", f"{self.item}/{self.version[0]}", self.change
        if self.bin:
            yield "GET", self.bin, self.read
            yield "GET", f"{self.bin}/{{id}}", self.read
            yield "POST", f"{self.bin}/{{id}}/restore", self.change
            yield "DELETE", f"{self.bin}/{{id}}", self.change
        for name in self.grows:
            yield "GET", f"{self.item}/{name}", self.read
        for link in self.rule.links:
            yield "GET", f"{self.item}/{link.name}", self.read
            if self.assigned:
                for table in link.targets:
                    yield "POST", f"/{table}/{{id}}/{self.assigned}/$ref", self.assign
                    yield "DELETE", f"/{table}/{{id}}/{self.assigned}/{{target}}/$ref", self.assign
            elif self.change and link.single:
                yield "PUT", f"{self.item}/{link.name}/$ref", self.change
            elif self.change:
                yield "POST", f"{self.item}/{link.name}/$ref", self.change
                yield "DELETE", f"{self.item}/{link.name}/{{target}}/$ref", self.change

    def permissions(self) -> dict[tuple[str, str], Alternatives]:
        return {(method, path): needed for method, path, needed in self.methods()}
