"""Who is in a group: proved where somebody is to be let out by it, possible where somebody may be caught by it.

A member of a group in a group is a member. A group that is dynamic, or whose members weren't read, proves nothing
and may hold anybody; one that a plan makes, brings back or changes proves nothing. One that isn't among those that
were read holds nobody.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
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
        counted = self._reached(group_id, nested=nested, through=self._known)
        return any(members is not None and text(account) in members for members in counted)

    def may_hold(self, group_id: str, account: str) -> Ternary:
        """Whether the account is, or may be, in the group."""
        if not self._read:
            return None
        held = self._reached(group_id, through=lambda one: True)
        return any_of(None if members is None else text(account) in members for members in held)

    def counts(self, group_id: str) -> bool:
        """Whether membership in this group may prove anything."""
        return (
            text(group_id) in self._groups and self._holders(text(group_id)) is not None and self._known(group_id)
        )

    def _reached(
        self, group_id: str, *, nested: bool = True, through: Callable[[str], bool]
    ) -> Iterator[frozenset[str] | None]:
        """Members of the group and of every group in it, of those that `through` lets pass; None where they change
        by themselves or weren't read."""
        todo, seen = [text(group_id)], set()
        while todo:
            at = todo.pop()
            if at in seen or at not in self._groups or not through(at):
                continue
            seen.add(at)
            members = self._holders(at)
            yield members
            if nested:
                todo.extend(sorted(members or ()))

    def _known(self, group_id: str) -> bool:
        return text(group_id) not in self._uncounted

    def _holders(self, group_id: str) -> frozenset[str] | None:
        """Direct members; None where they change by themselves, or weren't read, as a missing list of them says."""
        group = self._groups[group_id]
        found = texts(group.get("members")) if group.get("members") is not None and _static(group) else None
        # Hidden members aren't shown to whoever may not see them, and then there seem to be none.
        hidden = not found and text(group.get("visibility")) == "hiddenmembership"
        return None if found is None or hidden else frozenset(text(one) for one in found)


def _static(group: JsonObject) -> bool:
    kinds = texts(group.get("groupTypes"))
    return (
        kinds is not None
        and _DYNAMIC not in (text(kind) for kind in kinds)
        and says_nothing(group.get("membershipRule"))
    )
