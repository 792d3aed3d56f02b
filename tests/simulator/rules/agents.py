"""Agent identities: applications and service principals of kinds of their own, told apart by their @odata.type.

Sources: agentIdentityBlueprint, agentIdentityBlueprintPrincipal and agentIdentity resource types on
learn.microsoft.com under /graph/api/resources/.
"""

from __future__ import annotations

BLUEPRINT = "#microsoft.graph.agentIdentityBlueprint"
PRINCIPAL = "#microsoft.graph.agentIdentityBlueprintPrincipal"
IDENTITY = "#microsoft.graph.agentIdentity"
