"""Agent identities: applications and service principals of kinds of their own, which `@odata.type` tells apart."""

from __future__ import annotations

from shared.catalog.spec import (
    Condition,
    Drill,
    Facet,
    LinkWrite,
    ObjectType,
    Quirk,
    Relationship,
    Tier,
    WaveNumber,
)

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

INHERITABLE_PERMISSIONS = ObjectType(
    name="inheritablePermissions",
    title="What agent identities inherit from their blueprint",
    path="/applications",
    odata_type="#microsoft.graph.application",
    wave=WaveNumber.REST,
    needs_to_read=_READ,
    needs_to_write=(),
    only_read="this release writes none; what there was is kept, and compared",
    facet=Facet(
        "applications",
        each=True,
        collection=f"{BLUEPRINT.removeprefix('#')}/inheritablePermissions",
        member="inheritablePermissions",
        when=NO_BLUEPRINT,
        share=0.0,
    ),
    select=("id", "inheritablePermissions"),
    action_only=("inheritablePermissions",),
    page_size=999,
    list_cost=2,
    name_property="id",
    drill=Drill.NONE,
    no_drill="it is evidence only",
    quirks=(
        Quirk(
            "One goes by the appId of its resource, which is unique within its blueprint only: they are kept by "
            "blueprint.",
            "Microsoft Graph: inheritablePermission resource type, resourceAppId",
        ),
    ),
)

AGENT_IDENTITIES = ObjectType(
    name="agentIdentities",
    title="Which blueprint an agent identity was made from, and when",
    path=f"/servicePrincipals/{IDENTITY.removeprefix('#')}",
    odata_type=IDENTITY,
    wave=WaveNumber.REST,
    needs_to_read=(("AgentIdentity.Read.All",),),
    needs_to_write=(),
    only_read="the service sets it once, when the identity is made",
    tier=Tier.OPT_IN,
    off_because="it takes a permission that nothing else needs",
    facet=Facet("servicePrincipals"),
    select=("id", "agentIdentityBlueprintId", "createdDateTime"),
    page_size=100,
    name_property="id",
    drill=Drill.NONE,
    no_drill="it is evidence only",
    quirks=(
        Quirk(
            "A listing of all service principals has no such members to select; a page of these holds 100 at most.",
            "Microsoft Graph: List agentIdentity objects; servicePrincipal resource type",
        ),
    ),
)
