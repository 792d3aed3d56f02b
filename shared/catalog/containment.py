"""What gives access, and how that is taken away again: the words in which containment is declared."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """A request by which an object goes, where DELETE of it isn't the way: `body` is POSTed to `path`, with the
    object's own members where their names (dotted) stand in braces."""

    path: str
    body: dict[str, object]


@dataclass(frozen=True, slots=True)
class Containment:
    """What is done about a type's objects when an intruder is to be shut out.

    `added`: objects that were added go, by DELETE or by `withdrawal`. `links`: relationships of which added links
    go; those of `guarded_links` only where the object protects something: an access policy excludes it, or it has a
    true `protects`. `secrets`: members whose added items go one by one: `{"keyId": …}` is POSTed to the object's
    path + this one. `keys`: members whose added items go by a PATCH that names the others. `off`: members and the
    values by which an account is shut, which happens to those that are named or were added; `action` is POSTed
    after that. `members`: what goes back to the snapshot's value, because widening it lets people in."""

    added: bool = False
    withdrawal: Withdrawal | None = None
    links: tuple[str, ...] = ()
    guarded_links: tuple[str, ...] = ()
    protects: str = ""
    secrets: dict[str, str] = field(default_factory=dict)
    keys: tuple[str, ...] = ()
    off: dict[str, bool] = field(default_factory=dict)
    action: str = ""
    members: tuple[str, ...] = ()
