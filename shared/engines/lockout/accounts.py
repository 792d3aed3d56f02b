"""One break-glass account, seen through the facts: what it is, holds and can prove itself with."""

from __future__ import annotations

from functools import cached_property
from typing import Final

from shared.domain.objects import JsonObject
from shared.engines.lockout.facts import Facts
from shared.engines.lockout.membership import Groups
from shared.engines.lockout.methods import Usable, usable
from shared.engines.lockout.shapes import at, saying, says_nothing, text
from shared.engines.lockout.ternary import Ternary, any_of

# A role's template id, the same in every tenant (Microsoft's page "Microsoft Entra built-in roles").
GLOBAL_ADMINISTRATOR: Final = "62e90394-69f5-4237-9190-012177145e10"
_WHOLE_TENANT: Final = ("", "/")


class Account:
    """Properties are worked out once; nothing in here raises for a shape that isn't Graph's."""

    def __init__(self, account_id: str, facts: Facts, groups: Groups) -> None:
        self.id = account_id
        self.facts = facts
        self.groups = groups

    @cached_property
    def user(self) -> JsonObject | None:
        """The user's JSON; None where it isn't among those that were read."""
        for user in self.facts.users or ():
            if text(user.get("id")) == text(self.id) and says_nothing(user.get("deletedDateTime")):
                return user
        return None

    @cached_property
    def principal_name(self) -> str:
        return text((self.user or {}).get("userPrincipalName"))

    @cached_property
    def external(self) -> Ternary:
        """Whether it may be what policies call a guest or external user."""
        if self.user is None:
            return None
        invited = not says_nothing(self.user.get("externalUserState")) or "#ext#" in self.principal_name
        if invited or text(self.user.get("creationType")) == "invitation":
            return True
        return {"member": False, "guest": True}.get(text(self.user.get("userType")))

    @cached_property
    def usable(self) -> frozenset[Usable]:
        held = [
            methods
            for name, methods in (self.facts.registered_methods or {}).items()
            if text(name) == text(self.id)
        ]
        registered = held[0] if len(held) == 1 else None
        return usable(self.id, registered, self.facts.authentication_methods_policy, self.groups)

    def has_role(self, role_id: str) -> Ternary:
        """Whether it holds the role, or may hold or activate it, in any scope."""
        if self.facts.role_assignments is None:
            return None
        return any_of(
            self._is_principal(assignment)
            for assignment in self.facts.role_assignments
            if says_nothing(role := _role(assignment)) or role == text(role_id)
        )

    def permanently_has(self, role_id: str) -> bool:
        """Whether it certainly holds the role in the whole tenant, active and without an end."""
        assignments = self.facts.role_assignments or ()
        told = {_key(one) for one in assignments if "assignmentType" in one}
        return any(
            _role(one) == text(role_id)
            and _is_permanent(one)
            # An activation is listed as an assignment, too; only its instance tells what it is.
            and ("assignmentType" in one or _key(one) not in told)
            and self._certainly_principal(one)
            for one in assignments
        )

    def _is_principal(self, assignment: JsonObject) -> Ternary:
        principal = assignment.get("principalId")
        if not isinstance(principal, str):
            return None
        if text(principal) == text(self.id):
            return True
        return self.groups.may_hold(principal, self.id)

    def _certainly_principal(self, assignment: JsonObject) -> bool:
        principal = assignment.get("principalId")
        if not isinstance(principal, str):
            return False
        if text(principal) == text(self.id):
            return True
        group = self.groups.get(principal)
        assignable = group is not None and group.get("isAssignableToRole", True) is True
        # Groups within a role-assignable group don't get its roles.
        return assignable and self.groups.proves(principal, self.id, nested=False)


def _role(assignment: JsonObject) -> str:
    return text(assignment.get("roleDefinitionId")) or text(at(assignment, "roleDefinition", "id"))


def _scope(assignment: JsonObject) -> str:
    return text(assignment.get("directoryScopeId")) or "/"


def _key(assignment: JsonObject) -> tuple[str, str, str]:
    return text(assignment.get("principalId")), _role(assignment), _scope(assignment)


def _is_permanent(assignment: JsonObject) -> bool:
    """Active, for the whole tenant, by itself and without an end. An eligible one says which eligibility it is, a
    schedule what it is planned to be; neither is an assignment that stands."""
    return (
        not any(name.startswith("roleEligibility") or name == "scheduleInfo" for name in saying(assignment))
        and "eligib" not in text(assignment.get("@odata.type"))
        and text(assignment.get("assignmentType", "Assigned")) == "assigned"
        and text(assignment.get("memberType")) in ("", "direct")
        and says_nothing(assignment.get("endDateTime"))
        and text(assignment.get("directoryScopeId", "/")) in _WHOLE_TENANT
        and text(assignment.get("appScopeId", "/")) in _WHOLE_TENANT
    )
