"""Who may consent to what: consent policies with their condition sets, and how permissions are classified."""

from __future__ import annotations

from dataclasses import replace

from shared.catalog.containment import Containment
from shared.catalog.spec import (
    AnchorSpec,
    Condition,
    Create,
    LinkWrite,
    MatchKey,
    ObjectType,
    Protected,
    Quirk,
    Relationship,
    Strength,
    ValueReference,
    WaveNumber,
)
from shared.domain.plan import AnchorKind, Reason

_READ = (("Policy.Read.PermissionGrant",),)
_WRITE = (("Policy.ReadWrite.PermissionGrant",),)
_PATH = "/policies/permissionGrantPolicies"
_BUILT_IN = "microsoft-"
_MICROSOFTS = "it is built in, and Microsoft's to bring back"
_APPS = ("applications", "servicePrincipals")
# Of policies that are not built in; those are in every tenant, and not all of them are listed.
_NAMED = "(?!microsoft-)[^.]+$"
ASSIGNED_TO_USERS = ValueReference(
    "defaultUserRolePermissions.permissionGrantPoliciesAssigned[]",
    ("permissionGrantPolicies",),
    text=True,
    pattern=rf"(?<=\.){_NAMED}",
)
IN_ROLE_ACTIONS = ValueReference(
    "rolePermissions[].allowedResourceActions[]",
    ("permissionGrantPolicies",),
    text=True,
    pattern=rf"(?:(?<=managePermissionGrantsForSelf\.)|(?<=managePermissionGrantsForAll\.)){_NAMED}",
)
_CONDITIONS = (
    "clientApplicationIds",
    "clientApplicationPublisherIds",
    "clientApplicationTenantIds",
    "clientApplicationsFromVerifiedPublisherOnly",
    "permissionClassification",
    "permissionType",
    "permissions",
    "resourceApplication",
)

PERMISSION_GRANT_POLICIES = ObjectType(
    name="permissionGrantPolicies",
    title="Consent policies",
    path=_PATH,
    odata_type="#microsoft.graph.permissionGrantPolicy",
    number=9,  # most of them built in
    wave=WaveNumber.TIER_ZERO,
    needs_to_read=_READ,
    needs_to_write=_WRITE,
    relationships=tuple(
        Relationship(
            name,
            (child,),
            LinkWrite.NONE,
            contains=child,
            expands=False,
            needs_to_read=_READ,
        )
        for name, child in (("includes", "permissionGrantIncludes"), ("excludes", "permissionGrantExcludes"))
    ),
    match_keys=(MatchKey(("displayName",), Strength.WEAK),),
    anchor=AnchorSpec(AnchorKind.KEY, "id", _PATH),
    create=Create(
        _PATH,
        refused_when=(Condition("id", (_BUILT_IN,), begins=True),),
        refused_why=_MICROSOFTS,
    ),
    writable=("description", "displayName"),
    create_only=("id",),
    protected=(Protected(Condition("id", (_BUILT_IN,), begins=True), Reason.FOREIGN),),
    quirks=(
        Quirk(
            "The id is chosen by whoever makes a policy; those that begin with microsoft- are built in.",
            "Microsoft Entra: Manage app consent policies",
        ),
        Quirk(
            "A policy applies where one of its includes does and none of its excludes.",
            "Microsoft Graph: permissionGrantPolicy resource type",
        ),
    ),
)

_SETS = ObjectType(
    name="permissionGrantIncludes",
    title="Consent policies: what they allow",
    path=f"{_PATH}/{{parent}}/includes",
    odata_type="#microsoft.graph.permissionGrantConditionSet",
    wave=WaveNumber.TIER_ZERO,
    needs_to_read=_READ,
    needs_to_write=_WRITE,
    parent="permissionGrantPolicies",
    parent_relationship="includes",
    name_property="permissionType",
    match_keys=(
        MatchKey(
            _CONDITIONS,
            Strength.UNIQUE,
            optional=tuple(name for name in _CONDITIONS if name != "permissionType"),
        ),
    ),
    anchor=AnchorSpec(AnchorKind.KEY, "permissionType", f"{_PATH}/{{parent}}/includes"),
    create=Create(f"{_PATH}/{{parent}}/includes", refused_in=_BUILT_IN, refused_why=_MICROSOFTS),
    create_only=_CONDITIONS,
    sets=(
        "clientApplicationIds",
        "clientApplicationPublisherIds",
        "clientApplicationTenantIds",
        "permissions",
    ),
    references=(
        ValueReference("clientApplicationIds[]", _APPS, key="appId", literals=("all",)),
        ValueReference("resourceApplication", _APPS, key="appId", literals=("any", "all")),
    ),
    contain=Containment(added=True),
    quirks=(
        Quirk(
            "An application that is gone for good stays named: without any, a set would be for all.",
            "Microsoft Graph: permissionGrantConditionSet resource type, clientApplicationIds",
        ),
        Quirk(
            "A condition set is made or removed, and never changed: another one is another set. One that names an "
            "application that gets a new appId stays, and another one names that.",
            "Microsoft Graph: permissionGrantPolicy resource type, Methods",
            unverified=True,
        ),
    ),
)

PERMISSION_GRANT_INCLUDES = _SETS
PERMISSION_GRANT_EXCLUDES = replace(
    _SETS,
    name="permissionGrantExcludes",
    title="Consent policies: what they except",
    path=f"{_PATH}/{{parent}}/excludes",
    parent_relationship="excludes",
    anchor=AnchorSpec(AnchorKind.KEY, "permissionType", f"{_PATH}/{{parent}}/excludes"),
    create=Create(f"{_PATH}/{{parent}}/excludes", refused_in=_BUILT_IN, refused_why=_MICROSOFTS),
)

DELEGATED_PERMISSION_CLASSIFICATIONS = ObjectType(
    name="delegatedPermissionClassifications",
    title="Classified permissions, by the resource that has them",
    path="/servicePrincipals/{parent}/delegatedPermissionClassifications",
    odata_type="#microsoft.graph.delegatedPermissionClassification",
    wave=WaveNumber.TIER_ZERO,
    needs_to_read=(("Application.Read.All", "Directory.Read.All"),),
    needs_to_write=_WRITE,
    parent="servicePrincipals",
    parent_relationship="delegatedPermissionClassifications",
    name_property="permissionName",
    match_keys=(MatchKey(("permissionId",), Strength.UNIQUE),),
    anchor=AnchorSpec(
        AnchorKind.KEY, "permissionId", "/servicePrincipals/{parent}/delegatedPermissionClassifications"
    ),
    create=Create("/servicePrincipals/{parent}/delegatedPermissionClassifications"),
    create_only=("classification", "permissionId", "permissionName"),
    quirks=(
        Quirk(
            "A classification is made or removed, and never changed; a permission has one at most.",
            "Microsoft Graph: delegatedPermissionClassification resource type",
            unverified=True,
        ),
        Quirk(
            "They come along with the list of service principals: the metadata doesn't name them among what can't "
            "be expanded.",
            "Microsoft Graph metadata v1.0: servicePrincipal",
            unverified=True,
        ),
    ),
)
