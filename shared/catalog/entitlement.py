"""Entitlement management: access packages, the policies by which they are assigned, and what they hold."""

from __future__ import annotations

from shared.catalog.plans import PREMIUM_P2
from shared.catalog.spec import (
    AnchorSpec,
    Create,
    Licence,
    LinkWrite,
    MatchKey,
    ObjectType,
    Quirk,
    Relationship,
    Strength,
    ValueReference,
    WaveNumber,
)
from shared.domain.plan import AnchorKind

_ENTITLEMENT = "/identityGovernance/entitlementManagement"
_LICENCE = Licence(
    "Entra ID P2 or ID Governance", "Microsoft Entra ID Governance licensing fundamentals", PREMIUM_P2
)
_READ = (("EntitlementManagement.Read.All",),)
_WRITE = (("EntitlementManagement.ReadWrite.All",),)


def _marker(collection: str) -> AnchorSpec:
    lookup = f"{_ENTITLEMENT}/{collection}?$filter=displayName eq '{{value}}'&$select=id,displayName"
    return AnchorSpec(AnchorKind.MARKER, "displayName", lookup)


def _incompatible(name: str, to: str, path: str) -> Relationship:
    return Relationship(
        name=name,
        target_types=(to,),
        write=LinkWrite.REF,
        expands=False,
        address=f"/v1.0{path}",
        needs_to_read=_READ,
        needs_to_write=_WRITE,
    )


ACCESS_PACKAGES = ObjectType(
    name="accessPackages",
    title="Access packages",
    path=f"{_ENTITLEMENT}/accessPackages",
    odata_type="#microsoft.graph.accessPackage",
    wave=WaveNumber.REST,
    needs_to_read=_READ,
    needs_to_write=_WRITE,
    inline=("catalog",),
    by_id=("catalog",),
    relationships=(
        _incompatible("incompatibleAccessPackages", "accessPackages", f"{_ENTITLEMENT}/accessPackages"),
        _incompatible("incompatibleGroups", "groups", "/groups"),
    ),
    match_keys=(MatchKey(("displayName",), Strength.WEAK),),
    anchor=_marker("accessPackages"),
    create=Create(f"{_ENTITLEMENT}/accessPackages"),
    writable=("description", "displayName", "isHidden"),
    create_only=("catalog",),
    volatile=("modifiedDateTime",),
    references=(ValueReference("catalog.id", ("accessPackageCatalogs",)),),
    licence=_LICENCE,
    quirks=(
        Quirk("The catalog is named at creation by its id.", "Microsoft Graph: Create accessPackage"),
        Quirk(
            "The catalog is shown with $expand, in the list, too.",
            "Microsoft Graph: accessPackage resource type",
            unverified=True,
        ),
        Quirk(
            "Moving a package to another catalog takes an action, which is not done yet.",
            "Microsoft Graph: accessPackage: moveToCatalog",
        ),
    ),
)

_SUBJECTS = (
    ("userId", "users"),
    ("groupId", "groups"),
    ("servicePrincipalId", "servicePrincipals"),
    ("connectedOrganizationId", "connectedOrganizations"),
)
_STAGES = "requestApprovalSettings.stages"
_SUBJECT_SETS = (
    "specificAllowedTargets",
    "requestorSettings.onBehalfRequestors",
    f"{_STAGES}.primaryApprovers",
    f"{_STAGES}.fallbackPrimaryApprovers",
    f"{_STAGES}.escalationApprovers",
    f"{_STAGES}.fallbackEscalationApprovers",
    "reviewSettings.primaryReviewers",
    "reviewSettings.fallbackReviewers",
)

ASSIGNMENT_POLICIES = ObjectType(
    name="accessPackageAssignmentPolicies",
    title="Policies by which access packages are assigned",
    path=f"{_ENTITLEMENT}/assignmentPolicies",
    odata_type="#microsoft.graph.accessPackageAssignmentPolicy",
    wave=WaveNumber.REST,
    needs_to_read=_READ,
    needs_to_write=_WRITE,
    inline=("accessPackage", "questions"),
    by_id=("accessPackage",),
    match_keys=(MatchKey(("displayName",), Strength.WEAK),),
    anchor=_marker("assignmentPolicies"),
    create=Create(f"{_ENTITLEMENT}/assignmentPolicies"),
    writable=(
        "allowedTargetScope",
        "automaticRequestSettings",
        "description",
        "displayName",
        "expiration",
        "notificationSettings",
        "questions",
        "requestApprovalSettings",
        "requestorSettings",
        "reviewSettings",
        "specificAllowedTargets",
    ),
    create_only=("accessPackage",),
    put=True,
    put_names=("accessPackage",),
    volatile=("modifiedDateTime",),
    computed_within=("questions.id",),
    kinds=(*_SUBJECT_SETS, _STAGES, "questions"),
    sets=_SUBJECT_SETS,
    references=(
        ValueReference("accessPackage.id", ("accessPackages",)),
        ValueReference("specificAllowedTargets[].membershipRule", ("groups",), text=True),
        *(
            ValueReference(f"{path.replace('.stages', '.stages[]')}[].{member}", (to,))
            for path in _SUBJECT_SETS
            for member, to in _SUBJECTS
        ),
    ),
    licence=_LICENCE,
    quirks=(
        Quirk(
            "A change is a PUT that names the package and the policy's name.",
            "Microsoft Graph: Update accessPackageAssignmentPolicy",
        ),
        Quirk(
            "Questions get new ids when they are written, so that answers given before belong to none of them.",
            "Microsoft Graph: accessPackageQuestion resource type",
            unverified=True,
        ),
        Quirk(
            "A policy with a rule assigns its package to everybody who meets it, as soon as it is there.",
            "Microsoft Entra: Configure an automatic assignment policy for an access package",
        ),
        Quirk(
            "Whether reviews with a start that is past begin at once is open.",
            "Microsoft Graph: accessPackageAssignmentReviewSettings resource type",
            unverified=True,
        ),
    ),
)
