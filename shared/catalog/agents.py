"""Agent identities: applications and service principals of kinds of their own, which `@odata.type` tells apart."""

from __future__ import annotations

from shared.catalog.spec import Condition, LinkWrite, Quirk, Relationship, Tier

BLUEPRINT = "#microsoft.graph.agentIdentityBlueprint"
PRINCIPAL = "#microsoft.graph.agentIdentityBlueprintPrincipal"
IDENTITY = "#microsoft.graph.agentIdentity"

_READ = (("Application.Read.All",),)
# The permissions that write sponsors don't read them, and a restore reads before and after.
_SPONSOR_BLUEPRINTS = (("Application.ReadWrite.All",), *_READ)
_SPONSOR_PRINCIPALS = (("AgentIdentityBlueprintPrincipal.ReadWrite.All",), *_READ)
_IDENTITIES = (("AgentIdentity.ReadWrite.All",),)

# The POST that makes an application or a service principal would make a plain one, without sponsors and without
# what agents may do, under the name of an agent.
NO_BLUEPRINT = Condition("@odata.type", (BLUEPRINT,))
NO_AGENT = Condition("@odata.type", (PRINCIPAL, IDENTITY))
NOT_PLAIN = "it is an agent's, and would come back as a plain one: it is made by hand, with its sponsors"

TOLD_APART = Quirk(
    "A listing shows what is of an agent among the others, each with its @odata.type, whatever is selected.",
    "Microsoft Graph: agentIdentityBlueprint, agentIdentityBlueprintPrincipal and agentIdentity resource types; "
    "OData JSON format 4.01, section 4.6.3",
    unverified=True,
)

SPONSORS_OF_BLUEPRINTS = Relationship(
    name="sponsors",
    target_types=("users", "groups"),
    write=LinkWrite.REF,
    at=f"{BLUEPRINT.removeprefix('#')}/sponsors",
    answers=True,
    expands=False,
    asked_when=Condition("@odata.type", (BLUEPRINT,)),
    share=0.0,
    needs_to_read=_READ,
    needs_to_write=_SPONSOR_BLUEPRINTS,
)
SPONSORS_OF_PRINCIPALS = Relationship(
    name="sponsors",
    target_types=("users", "groups", "servicePrincipals"),
    write=LinkWrite.REF,
    at=f"{PRINCIPAL.removeprefix('#')}/sponsors",
    answers=True,
    expands=False,
    asked_when=Condition("@odata.type", (PRINCIPAL,)),
    share=0.0,
    needs_to_read=_READ,
    needs_to_write=_SPONSOR_PRINCIPALS,
    write_by_choice="it takes a permission that writes the principals of all blueprints, which few tenants have",
)
SPONSORS_OF_IDENTITIES = Relationship(
    name="agentSponsors",
    target_types=("users", "groups"),
    write=LinkWrite.REF,
    at=f"{IDENTITY.removeprefix('#')}/sponsors",
    answers=True,
    expands=False,
    asked_when=Condition("@odata.type", (IDENTITY,)),
    share=0.0,
    tier=Tier.OPT_IN,
    off_because="the only permission that reads the sponsors of agent identities writes agent identities, too",
    needs_to_read=_IDENTITIES,
    needs_to_write=_IDENTITIES,
)

SPONSORS = Quirk(
    "Sponsors of agents are users and groups; of groups dynamic ones and Microsoft 365 groups, 5 at most, and none "
    "that can hold roles.",
    "Microsoft Graph: Add sponsors (agentIdentityBlueprint, agentIdentityBlueprintPrincipal, agentIdentity)",
)
