"""What an app-only identity can't read: declared for that fact, so that every manifest says it."""

from __future__ import annotations

from shared.catalog.spec import Drill, ObjectType, Quirk, WaveNumber
from shared.domain.snapshot import UNREADABLE


def _unreadable(name: str, title: str, path: str, odata_type: str, permission: str, source: str) -> ObjectType:
    return ObjectType(
        name=name,
        title=title,
        path=path,
        odata_type=odata_type,
        wave=WaveNumber.REST,
        needs_to_read=(),
        needs_to_write=(),
        not_read=f"{UNREADABLE}: {permission} is for signed-in people only",
        drill=Drill.NONE,
        no_drill="it is never restored",
        quirks=(Quirk("Readable and writable on behalf of a person alone.", source),),
    )


AGREEMENTS = _unreadable(
    "agreements",
    "Terms of use",
    "/identityGovernance/termsOfUse/agreements",
    "#microsoft.graph.agreement",
    "Agreement.Read.All",
    "Microsoft Graph: List agreements, Permissions",
)
FEATURE_ROLLOUT_POLICIES = _unreadable(
    "featureRolloutPolicies",
    "Staged rollouts of authentication features",
    "/policies/featureRolloutPolicies",
    "#microsoft.graph.featureRolloutPolicy",
    "Policy.Read.HybridAuthentication",
    "Microsoft Graph: List featureRolloutPolicies, Permissions",
)
FRAUD_PROTECTION_PROVIDERS = _unreadable(
    "fraudProtectionProviders",
    "Services that tell fraud at sign-up",
    "/identity/riskPrevention/fraudProtectionProviders",
    "#microsoft.graph.fraudProtectionProvider",
    "RiskPreventionProviders.Read.All",
    "Microsoft Graph: List fraudProtectionProviders, Permissions",
)
ON_PREMISES_SYNCHRONIZATION = _unreadable(
    "onPremisesSynchronization",
    "Settings of the synchronization from the directory on premises",
    "/directory/onPremisesSynchronization",
    "#microsoft.graph.onPremisesDirectorySynchronization",
    "OnPremDirectorySynchronization.Read.All",
    "Microsoft Graph: Get onPremisesDirectorySynchronization, Permissions",
)
OWNERLESS_GROUP_POLICY = _unreadable(
    "ownerlessGroupPolicy",
    "What happens with groups that nobody owns",
    "/policies/ownerlessGroupPolicy",
    "#microsoft.graph.ownerlessGroupPolicy",
    "Group.Read.All, as far as this policy goes,",
    "Microsoft Graph: Get ownerlessGroupPolicy; Create or update ownerlessGroupPolicy, Permissions",
)
WEB_APPLICATION_FIREWALL_PROVIDERS = _unreadable(
    "webApplicationFirewallProviders",
    "Web application firewalls before the sign-in pages",
    "/identity/riskPrevention/webApplicationFirewallProviders",
    "#microsoft.graph.webApplicationFirewallProvider",
    "RiskPreventionProviders.Read.All",
    "Microsoft Graph: List webApplicationFirewallProviders, Permissions",
)
