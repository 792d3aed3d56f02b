"""Who is in a group: proved where somebody is to be let out by it, possible where somebody may be caught by it.

A member of a group in a group is a member. A group that is dynamic, that a plan makes, brings back or prunes, or
whose members weren't read proves nothing, and may hold anybody. One that isn't among those read holds nobody.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from shared.domain.objects import JsonObject
from shared.engines.lockout.facts import Facts
from shared.engines.lockout.shapes import says_nothing, text, texts
from shared.engines.lockout.ternary import Ternary, any_of

_DYNAMIC: Final = "dynamicmembership"


class Groups:
    def __init__(self, facts: Facts) -> None:
        self._read = facts.groups is not None
        self._groups = {
            text(group.get("id")): group
            for group in facts.groups or ()
            if says_nothing(group.get("deletedDateTime"))
        }
        self._uncounted = {text(one) for one in facts.uncounted}

    def get(self, group_id: str) -> JsonObject | None:
        return self._groups.get(text(group_id))

    def proves(self, group_id: str, account: str, *, nested: bool = True) -> bool:
        """Whether the group certainly holds the account, through groups that all count themselves."""
        return any(
            text(account) in members for members in self._reached(group_id, nested=nested) if members is not None
        )

    def may_hold(self, group_id: str, account: str) -> Ternary:
        """Whether the account is, or may be, in the group."""
        if not self._read:
            return None
        return any_of(None if members is None else text(account) in members for members in self._reached(group_id))

    def why_not(self, group_id: str) -> str:
        """Why membership in this group proves nothing; "" where it may."""
        group = self.get(group_id)
        if group is None:
            return "does not exist or wasn't read"
        if text(group_id) in self._uncounted:
            return "is made, brought back or changed by this plan"
        if not _static(group):
            return "is dynamic"
        return "" if self._members(text(group_id)) is not None else "has members that weren't read"

    def _reached(self, group_id: str, *, nested: bool = True) -> Iterator[frozenset[str] | None]:
        """Members of the group and of every group in it; None for a group that is there and proves nothing."""
        todo, seen = [text(group_id)], set()
        while todo:
            at = todo.pop()
            if at in seen or at not in self._groups:
                continue
            seen.add(at)
            members = None if self.why_not(at) else self._members(at)
            yield members
            if nested:
                todo.extend(sorted(members or ()))

    def _members(self, group_id: str) -> frozenset[str] | None:
        """Direct members; None where they weren't read, which a missing member says as well."""
        held = self._groups[group_id].get("members")
        found = None if held is None else texts(held)
        return None if found is None else frozenset(text(one) for one in found)


def _static(group: JsonObject) -> bool:
    kinds = texts(group.get("groupTypes"))
    return (
        kinds is not None
        and _DYNAMIC not in (text(kind) for kind in kinds)
        and says_nothing(group.get("membershipRule"))
    )
