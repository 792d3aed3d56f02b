"""Agent identities: applications and service principals of kinds of their own, which `@odata.type` tells apart."""

from __future__ import annotations

from shared.catalog.spec import Condition, Quirk

BLUEPRINT = "#microsoft.graph.agentIdentityBlueprint"
PRINCIPAL = "#microsoft.graph.agentIdentityBlueprintPrincipal"
IDENTITY = "#microsoft.graph.agentIdentity"

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
