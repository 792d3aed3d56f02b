"""What Graph declares of the tenant and nothing here reads yet. The list may only get shorter.

How many there are is committed in `tests/unit/coverage.json`; a name goes when what it names comes into the
catalog.
"""

from __future__ import annotations

_MEMBERS = {
    # No page says that it can be selected in a listing or changed, and a `$select` that Graph doesn't take fails
    # the whole listing.
    "applications": "managerApplications",
    # Only IdentityUserFlow.ReadWrite.All reads it (Microsoft Graph: Get userFlowApiConnectorConfiguration).
    "b2xUserFlows": "apiConnectorConfiguration",
    # What a partner may do as a service provider: no page of the reference says how that is read.
    "crossTenantAccessPartners": "serviceProviderConstraints",
    "groups": "accessType onPremisesExtensionAttributes",
    "servicePrincipals": "remoteDesktopSecurityConfiguration",
    "userFlowLanguages": "overridesPages",
}

# Entity types that no declaration reads, of the namespace microsoft.graph. No page of the reference names
# serviceProviderConstraints and what inherits from it. A remoteTenantGroup is a group of a partner's tenant, shown
# with RemoteTenantGroups.Read.All and written nowhere; the metadata calls its API a private preview.
_TYPES = """
    approvedClientApp delegatedAdminServiceProviderConstraints remoteDesktopSecurityConfiguration
    remoteTenantGroup serviceProviderConstraints targetDeviceGroup userFlowLanguagePage
"""

GAPS = frozenset(
    (
        *(f"{owner}/{member}" for owner, members in _MEMBERS.items() for member in members.split()),
        *(f"microsoft.graph.{name}" for name in _TYPES.split()),
    )
)
