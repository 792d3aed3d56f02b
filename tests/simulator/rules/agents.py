"""Agent identities: applications and service principals of kinds of their own, told apart by their @odata.type.

Sources: agentIdentityBlueprint, agentIdentityBlueprintPrincipal and agentIdentity resource types on
learn.microsoft.com under /graph/api/resources/, and the pages of their methods under /graph/api/.
"""

from __future__ import annotations

from dataclasses import dataclass

from .registry import Alternatives, Rule, any_of

BLUEPRINT = "#microsoft.graph.agentIdentityBlueprint"
PRINCIPAL = "#microsoft.graph.agentIdentityBlueprintPrincipal"
IDENTITY = "#microsoft.graph.agentIdentity"
_API = "https://learn.microsoft.com/graph/api/"


@dataclass(frozen=True)
class Sponsored:
    """A kind whose objects have sponsors. `by`: who may be one. `keeps_last`: it is never without."""

    table: str
    odata_type: str
    by: tuple[str, ...]
    read: Alternatives
    write: Alternatives
    keeps_last: bool = False

    @property
    def path(self) -> str:
        return f"/{self.table}/{{id}}/{self.odata_type.removeprefix('#')}/sponsors"


SPONSORED: tuple[Sponsored, ...] = (
    Sponsored(
        "applications",
        BLUEPRINT,
        ("users", "groups"),
        read=any_of("Application.Read.All"),
        write=any_of("Application.ReadWrite.All"),
    ),
    Sponsored(
        "servicePrincipals",
        PRINCIPAL,
        ("users", "groups", "servicePrincipals"),
        read=any_of("Application.Read.All"),
        write=any_of("AgentIdentityBlueprintPrincipal.ReadWrite.All"),
    ),
    Sponsored(
        "servicePrincipals",
        IDENTITY,
        ("users", "groups"),
        read=any_of("AgentIdentity.ReadWrite.All"),
        write=any_of("AgentIdentity.ReadWrite.All"),
        keeps_last=True,
    ),
)
MOST_SPONSORS, MOST_GROUPS = 100, 5

INHERITED = f"/applications/{{id}}/{BLUEPRINT.removeprefix('#')}/inheritablePermissions"
IDENTITIES = f"/servicePrincipals/{IDENTITY.removeprefix('#')}"
MOST_ON_A_PAGE = 100

PERMISSIONS: dict[tuple[str, str], Alternatives] = {
    (method, one.path + tail): needed
    for one in SPONSORED
    for method, tail, needed in (
        ("GET", "", one.read),
        ("POST", "/$ref", one.write),
        ("DELETE", "/{child}/$ref", one.write),
    )
}
PERMISSIONS["GET", INHERITED] = any_of("AgentIdentityBlueprint.Read.All", "Application.Read.All")
PERMISSIONS["GET", IDENTITIES] = any_of("AgentIdentity.Read.All", "AgentIdentity.ReadWrite.All")

AGENT_RULES: tuple[Rule, ...] = (
    Rule(
        "agent.cast",
        "What an agent has stands behind its type in the path, and isn't found on an object of another type.",
        "List agentIdentity sponsors, " + _API + "agentidentity-list-sponsors",
        unverified=True,
    ),
    Rule(
        "agent.sponsors",
        "An agent has at most 100 sponsors, 5 of which may be groups: dynamic ones or Microsoft 365 groups that "
        "can't hold roles.",
        "Add sponsors, " + _API + "agentidentity-post-sponsors",
    ),
    Rule(
        "agent.page",
        "A page of agent identities holds 100 at most.",
        "List agentIdentity objects, " + _API + "agentidentity-list",
    ),
    Rule(
        "agent.last-sponsor",
        "The last sponsor of an agent identity stays.",
        "Remove sponsors, " + _API + "agentidentity-delete-sponsors",
    ),
)
