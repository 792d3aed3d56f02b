"""Properties of users and groups that other services keep, or that take a request each: off by itself."""

from __future__ import annotations

from shared.catalog.spec import Apart, Condition, Drill, Facet, Licence, ObjectType, Quirk, Tier, WaveNumber

_EVIDENCE = "it is evidence only"

USER_PROFILES = ObjectType(
    name="userProfiles",
    title="What users say of themselves in their profiles",
    path="/users",
    odata_type="#microsoft.graph.user",
    wave=WaveNumber.PEOPLE,
    needs_to_read=(("User.Read.All", "Directory.Read.All"),),
    needs_to_write=(("User.ReadWrite.All",),),
    only_read="profiles are kept in SharePoint, and this release writes nothing there",
    tier=Tier.OPT_IN,
    off_because="one request for each user, and values that people enter of themselves",
    facet=Facet("users", each=True),
    select=(
        "id",
        "aboutMe",
        "birthday",
        "hireDate",
        "interests",
        "pastProjects",
        "preferredName",
        "responsibilities",
        "schools",
        "skills",
    ),
    page_size=999,
    delta=True,
    list_cost=2,
    name_property="id",
    drill=Drill.NONE,
    no_drill=_EVIDENCE,
    quirks=(
        Quirk(
            "Kept in SharePoint: a list of users that selects one of them fails, so each user is asked for.",
            "Microsoft Graph: user resource type, Properties stored outside the main data store",
        ),
    ),
)

USER_AUTHENTICATION_METHODS = ObjectType(
    name="userAuthenticationMethods",
    title="Authentication methods that users registered",
    path="/users",
    odata_type="#microsoft.graph.user",
    wave=WaveNumber.PEOPLE,
    needs_to_read=(("UserAuthenticationMethod.Read.All",),),
    needs_to_write=(("UserAuthenticationMethod.ReadWrite.All",),),
    only_read="a method is a secret between the person and a device, so that people register anew",
    tier=Tier.OPT_IN,
    off_because="one request for each user, phone numbers, and a permission that nothing else needs",
    facet=Facet("users", each=True, collection="authentication/methods", member="methods"),
    select=("id", "methods"),
    page_size=999,
    delta=True,
    list_cost=2,
    name_property="id",
    drill=Drill.NONE,
    no_drill=_EVIDENCE,
    quirks=(
        Quirk(
            "Ids of methods are unique within a user only, every password has the same: they are kept by user.",
            "Microsoft Graph: List methods",
        ),
        Quirk(
            "Reading them costs one unit, and is counted with the directory.",
            "Microsoft Graph service-specific throttling limits",
            unverified=True,
        ),
    ),
)

USER_SIGN_IN_ACTIVITY = ObjectType(
    name="userSignInActivity",
    title="When users signed in last",
    path="/users",
    odata_type="#microsoft.graph.user",
    wave=WaveNumber.PEOPLE,
    needs_to_read=(("User.Read.All", "Directory.Read.All"), ("AuditLog.Read.All",)),
    needs_to_write=(("User.ReadWrite.All",),),
    only_read="it says what happened",
    tier=Tier.OPT_IN,
    off_because="it says when people work, changes all the time, and takes a permission that nothing else needs",
    facet=Facet("users"),
    select=("id", "signInActivity"),
    page_size=500,
    delta=True,
    list_cost=2,
    name_property="id",
    volatile=("signInActivity",),
    licence=Licence("Entra ID P1", "Microsoft Graph: user resource type, signInActivity"),
    drill=Drill.NONE,
    no_drill=_EVIDENCE,
    quirks=(
        Quirk(
            "A page holds at most 500 users where signInActivity is selected.",
            "Microsoft Graph: List users, optional query parameters",
            unverified=True,
        ),
    ),
)

GROUP_MAIL_SETTINGS = ObjectType(
    name="groupMailSettings",
    title="Mail settings of Microsoft 365 groups",
    path="/groups",
    odata_type="#microsoft.graph.group",
    wave=WaveNumber.PEOPLE,
    needs_to_read=(("Group.Read.All", "Directory.Read.All"),),
    needs_to_write=(("Group.ReadWrite.All",),),
    only_read="the settings are kept in Exchange, and this release writes nothing there",
    tier=Tier.OPT_IN,
    off_because="one request for each Microsoft 365 group",
    facet=Facet("groups", each=True, when=Condition("groupTypes", ("Unified",)), share=0.3),
    select=(
        "id",
        "allowExternalSenders",
        "autoSubscribeNewMembers",
        "hideFromAddressLists",
        "hideFromOutlookClients",
    ),
    page_size=999,
    delta=True,
    name_property="id",
    drill=Drill.NONE,
    no_drill=_EVIDENCE,
    quirks=(
        Quirk(
            "Kept in Exchange: shown of a single Microsoft 365 group only, where selected by name.",
            "Microsoft Graph: group resource type, Properties",
        ),
    ),
)

_NO_WRITE = "only one that is made anew gets its photo back; nothing is known of those that are there"
_AT = (Apart("photo", "photo/$value", file=True),)

USER_PHOTOS = ObjectType(
    name="userPhotos",
    title="Photos of users",
    path="/users",
    odata_type="#microsoft.graph.user",
    absent=True,
    wave=WaveNumber.PEOPLE,
    needs_to_read=(("ProfilePhoto.Read.All", "User.Read.All"),),
    needs_to_write=(("ProfilePhoto.ReadWrite.All", "User.ReadWrite.All"),),
    only_read=_NO_WRITE,
    tier=Tier.OPT_IN,
    off_because="one request for each user, and pictures of people",
    facet=Facet("users", each=True),
    apart=_AT,
    select=("id",),
    page_size=999,
    delta=True,
    list_cost=2,
    name_property="id",
    drill=Drill.NONE,
    no_drill=_EVIDENCE,
    quirks=(
        Quirk(
            "Whoever has no photo answers 404, and no change of a photo shows in a delta feed.",
            "Microsoft Graph: Get profilePhoto; Use delta query, limitations",
            unverified=True,
        ),
    ),
)

GROUP_PHOTOS = ObjectType(
    name="groupPhotos",
    title="Photos of Microsoft 365 groups",
    path="/groups",
    odata_type="#microsoft.graph.group",
    absent=True,
    wave=WaveNumber.PEOPLE,
    needs_to_read=(("ProfilePhoto.Read.All", "Group.Read.All"),),
    needs_to_write=(("ProfilePhoto.ReadWrite.All", "Group.ReadWrite.All"),),
    only_read=_NO_WRITE,
    tier=Tier.OPT_IN,
    off_because="one request for each Microsoft 365 group",
    facet=Facet("groups", each=True, when=Condition("groupTypes", ("Unified",)), share=0.3),
    apart=_AT,
    select=("id",),
    page_size=999,
    delta=True,
    name_property="id",
    drill=Drill.NONE,
    no_drill=_EVIDENCE,
    quirks=(
        Quirk(
            "Only Microsoft 365 groups have a photo, and one that has none answers 404.",
            "Microsoft Graph: Get profilePhoto",
            unverified=True,
        ),
    ),
)


def _sync_behavior(
    of: str, title: str, path: str, odata_type: str, read: tuple[str, ...], word: str, wave: WaveNumber
) -> ObjectType:
    return ObjectType(
        name=f"{of}OnPremisesSyncBehavior",
        title=f"Whether the cloud has the authority over {title}",
        path=path,
        odata_type=odata_type,
        absent=True,
        wave=wave,
        needs_to_read=(read, (f"{word}-OnPremisesSyncBehavior.ReadWrite.All",)),
        needs_to_write=(),
        only_read="who has the authority, the cloud or a directory on premises, is for administrators to decide",
        tier=Tier.OPT_IN,
        off_because="one request for each, and the only permission that reads it moves the authority, too",
        facet=Facet(f"{of}s", each=True),
        apart=(Apart("onPremisesSyncBehavior", "onPremisesSyncBehavior"),),
        select=("id",),
        page_size=999,
        delta=True,
        name_property="id",
        drill=Drill.NONE,
        no_drill=_EVIDENCE,
        quirks=(
            Quirk(
                "No permission reads it and nothing else.",
                "Microsoft Graph: Get onPremisesSyncBehavior, Permissions",
            ),
            Quirk(
                "What was never synchronized is taken to answer 404, and no change to show in a delta feed.",
                "Microsoft Graph: onPremisesSyncBehavior resource type",
                unverified=True,
            ),
        ),
    )


SYNC_BEHAVIORS = (
    _sync_behavior(
        "user",
        "users",
        "/users",
        "#microsoft.graph.user",
        ("User.Read.All", "Directory.Read.All"),
        "User",
        WaveNumber.PEOPLE,
    ),
    _sync_behavior(
        "group",
        "groups",
        "/groups",
        "#microsoft.graph.group",
        ("Group.Read.All", "Directory.Read.All"),
        "Group",
        WaveNumber.PEOPLE,
    ),
    _sync_behavior(
        "orgContact",
        "organizational contacts",
        "/contacts",
        "#microsoft.graph.orgContact",
        ("OrgContact.Read.All", "Directory.Read.All"),
        "Contacts",
        WaveNumber.REST,
    ),
)
