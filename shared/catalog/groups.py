"""Groups with their members, owners and own settings, and the settings for all groups of the tenant."""

from __future__ import annotations

from shared.catalog.bearing import Bearing
from shared.catalog.containment import Containment
from shared.catalog.extensions import BY_NAME, in_text, values_of
from shared.catalog.spec import (
    AZURE_ROLES,
    MAIL_ADDRESSES,
    AnchorSpec,
    Bin,
    Condition,
    Create,
    DomainName,
    Drill,
    Extra,
    Granted,
    Licence,
    Licensed,
    LinkWrite,
    MatchKey,
    ObjectType,
    Protected,
    Quirk,
    Relationship,
    Strength,
    Tier,
    ValueReference,
    WaveNumber,
    Yields,
)
from shared.catalog.tier_zero import ROLE_GROUP
from shared.domain.plan import AnchorKind, Reason


def _granted(access: str) -> Granted:
    """Activations and memberships with an end, as privileged identity management tells of them."""
    return Granted("groupAssignmentSchedules", "groupId", "principalId", Condition("accessId", (access,)))


_READ_SETTINGS = (("GroupSettings.Read.All", "Group.Read.All", "Directory.Read.All"),)
_WRITE_SETTINGS = (("GroupSettings.ReadWrite.All",),)
_OF_GROUP = "/groups/{parent}/settings"

GROUPS = ObjectType(
    name="groups",
    title="Groups",
    path="/groups",
    odata_type="#microsoft.graph.group",
    wave=WaveNumber.PEOPLE,
    needs_to_read=(("Group.Read.All", "Directory.Read.All"),),
    needs_to_write=(("Group.ReadWrite.All",),),
    needs_to_write_also=(Extra(Condition("isAssignableToRole", (True,)), ("RoleManagement.ReadWrite.Directory",)),),
    select=(
        "assignedLabels",
        "assignedLicenses",
        "classification",
        "createdDateTime",
        "deletedDateTime",
        "description",
        "displayName",
        "expirationDateTime",
        "groupTypes",
        "id",
        "isAssignableToRole",
        "isManagementRestricted",
        "mail",
        "mailEnabled",
        "mailNickname",
        "membershipRule",
        "membershipRuleProcessingState",
        "onPremisesDomainName",
        "onPremisesLastSyncDateTime",
        "onPremisesNetBiosName",
        "onPremisesProvisioningErrors",
        "onPremisesSamAccountName",
        "onPremisesSecurityIdentifier",
        "onPremisesSyncEnabled",
        "preferredDataLocation",
        "preferredLanguage",
        "proxyAddresses",
        "renewedDateTime",
        "resourceBehaviorOptions",
        "resourceProvisioningOptions",
        "securityEnabled",
        "securityIdentifier",
        "serviceProvisioningErrors",
        "theme",
        "uniqueName",
        "visibility",
    ),
    member_groups=(values_of("Group"),),
    page_size=999,
    delta=True,
    relationships=(
        Relationship(
            name="members",
            target_types=("users", "groups", "servicePrincipals", "devices", "orgContacts"),
            write=LinkWrite.BIND,
            delta=True,
            membership=True,
            page_cost=3,
            crowded=0.38,
            further=0.0016,
            granted=_granted("member"),
            computed_when=Condition("groupTypes", ("DynamicMembership",)),
            # Without Member.Read.Hidden a group with hidden membership answers with an empty list.
            needs_to_read=(
                ("GroupMember.Read.All", "Group.Read.All", "Directory.Read.All"),
                ("Member.Read.Hidden",),
            ),
        ),
        Relationship(
            name="owners",
            target_types=("users", "servicePrincipals"),
            write=LinkWrite.REF,
            answers=True,
            delta=True,
            granted=_granted("owner"),
            needs_to_read=(("GroupMember.Read.All", "Group.Read.All", "Directory.Read.All"),),
        ),
        Relationship(
            name="settings",
            target_types=("groupSpecificSettings",),
            write=LinkWrite.NONE,
            contains="groupSpecificSettings",
            tier=Tier.ROLLING,
            rolling_days=7,
            expands=False,
            asked_when=Condition("groupTypes", ("Unified",)),
            share=0.2,
            needs_to_read=_READ_SETTINGS,
        ),
        Relationship(
            name="groupLifecyclePolicies",
            target_types=("groupLifecyclePolicies",),
            write=LinkWrite.FAR_ACTION,
            far="addGroup",
            far_away="removeGroup",
            far_member="groupId",
            tier=Tier.ROLLING,
            rolling_days=7,
            expands=False,
            asked_when=Condition("groupTypes", ("Unified",)),
            asked_while=Condition("managedGroupTypes", ("Selected",)),
            share=0.2,
            needs_to_read=(("Directory.Read.All",),),
        ),
    ),
    adopted_by_name=Condition("isAssignableToRole", (True,)),
    known_outside=AZURE_ROLES,
    match_keys=(
        MatchKey(("uniqueName",), Strength.UNIQUE, "/groups?$filter=uniqueName eq '{value}'"),
        MatchKey(
            ("mailNickname",),
            Strength.UNIQUE,
            when=Condition("groupTypes", ("Unified",)),
            yields=Yields.SUFFIX,
        ),
        MAIL_ADDRESSES,
        MatchKey(("displayName",), Strength.WEAK),
    ),
    anchor=AnchorSpec(
        AnchorKind.MARKER,
        "displayName",
        "/groups?$filter=displayName eq '{value}'&$select=id,displayName",
        "/directory/deletedItems/microsoft.graph.group?$select=id,displayName&$top=999",
    ),
    bin=Bin(
        list="/directory/deletedItems/microsoft.graph.group",
        item="/directory/deletedItems/{id}",
        restore="/directory/deletedItems/{id}/restore",
        version="v1.0",
        misreported=("securityEnabled",),
    ),
    # A rule that runs before it was looked at would fill the group, and whatever the group gives, at once.
    create=Create("/groups", held={"membershipRuleProcessingState": "Paused"}),
    writable=(
        "description",
        "displayName",
        "mailNickname",
        "membershipRule",
        "membershipRuleProcessingState",
        "preferredLanguage",
        "securityEnabled",
        "theme",
        "visibility",
    ),
    create_only=("groupTypes", "isAssignableToRole", "mailEnabled", "uniqueName"),
    only_at_creation=(Condition("visibility", ("HiddenMembership",)),),
    action_only=("assignedLicenses", "assignedLabels", "classification"),
    volatile=("onPremisesLastSyncDateTime", "renewedDateTime"),
    sets=("groupTypes", "proxyAddresses", "assignedLicenses", "assignedLabels"),
    references=(BY_NAME, in_text("membershipRule")),
    domain_names=(DomainName("membershipRule"),),
    protected=(
        Protected(
            Condition("onPremisesSyncEnabled", (True,)),
            Reason.SYNCED,
            elsewhere="it comes to the other tenant by that tenant's own synchronization, if at all",
        ),
        Protected(Condition("isManagementRestricted", (True,)), Reason.FOREIGN, while_so=True),
        Protected(
            Condition("mailEnabled", (True,)),
            Reason.FOREIGN,
            unless=Condition("groupTypes", ("Unified",)),
            elsewhere="it is kept in Exchange, which has to make it in the other tenant",
        ),
    ),
    licence=Licence(
        "Entra ID P1 for rules of membership and for groups that can hold roles",
        "Microsoft Entra: dynamic membership groups, License requirements; groups for role assignments, License "
        "requirements",
    ),
    drill=Drill.CANARY,
    tier_zero=ROLE_GROUP,
    licensed=Licensed(
        "assignedLicenses",
        "skuId",
        "Microsoft Entra: group-based licensing (members of groups in the group get none)",
        through="members",
    ),
    contain=Containment(links=("owners",), guarded_links=("members",), protects="isAssignableToRole"),
    bearing=Bearing(
        "groups",
        links=("members",),
        unsettling=("groupTypes", "membershipRule", "membershipRuleProcessingState"),
        named=True,
    ),
    quirks=(
        Quirk(
            "displayName is not unique and uniqueName can't be changed once set, so a created group carries a "
            "marker in displayName until it has been read back.",
            "Microsoft Graph: group resource type, Properties",
        ),
        Quirk(
            "isAssignableToRole can be set only when the group is created.",
            "Microsoft Graph: group resource type, isAssignableToRole",
        ),
        Quirk(
            "HiddenMembership can be set only when a Microsoft 365 group is created, and not be left.",
            "Microsoft Graph: group resource type, visibility",
        ),
        Quirk(
            "Cloud security groups go to the recycle bin like Microsoft 365 groups; there they show "
            "securityEnabled false, whatever they are.",
            "Microsoft Graph: Delete group",
            unverified=True,
        ),
        Quirk(
            "Which policy of expiry manages a Microsoft 365 group is asked only while that policy manages selected "
            "groups. A group is added to it with what writing the policy needs, which is in no list.",
            "Microsoft Graph: List groupLifecyclePolicies of a group; groupLifecyclePolicy: addGroup",
        ),
        Quirk(
            "Distribution and mail-enabled security groups are kept in Exchange and can't be written by Graph.",
            "Microsoft Graph: Working with groups",
        ),
    ),
)

GROUP_SETTINGS = ObjectType(
    name="groupSettings",
    title="Tenant-wide group settings",
    path="/groupSettings",
    odata_type="#microsoft.graph.groupSetting",
    wave=WaveNumber.REST,
    needs_to_read=_READ_SETTINGS,
    needs_to_write=_WRITE_SETTINGS,
    match_keys=(MatchKey(("templateId",), Strength.UNIQUE, across=True),),
    anchor=AnchorSpec(AnchorKind.KEY, "templateId", "/groupSettings"),
    create=Create("/groupSettings"),
    writable=("values",),
    create_only=("templateId",),
    sets=("values",),
    # Such as GroupCreationAllowedGroupId; other values are no ids.
    references=(ValueReference("values[].value", ("groups",)),),
    licence=Licence("Entra ID P1 for settings of security groups", "Microsoft Graph: Create settings (beta)"),
    quirks=(
        Quirk(
            "One object for each template, and every write names all of its values, as strings.",
            "Microsoft Graph: Create groupSetting",
        ),
        Quirk("Known to /v1.0 only; /beta calls them directory settings.", "Microsoft Graph: groupSetting"),
    ),
)

GROUP_SPECIFIC_SETTINGS = ObjectType(
    name="groupSpecificSettings",
    title="Settings of single groups",
    path=_OF_GROUP,
    odata_type="#microsoft.graph.groupSetting",
    wave=WaveNumber.REST,
    needs_to_read=_READ_SETTINGS,
    needs_to_write=_WRITE_SETTINGS,
    parent="groups",
    parent_relationship="settings",
    match_keys=(MatchKey(("templateId",), Strength.UNIQUE, across=True),),
    anchor=AnchorSpec(AnchorKind.KEY, "templateId", _OF_GROUP),
    create=Create(_OF_GROUP),
    writable=("values",),
    create_only=("templateId",),
    sets=("values",),
    quirks=(
        Quirk(
            "Such as whether guests may be added to this group; it takes the place of what the tenant's settings "
            "say. Microsoft 365 groups alone have any, and each is asked once in seven days.",
            "Microsoft Graph: groupSetting resource type",
        ),
    ),
)
