"""Open extensions: data that applications hang on directory objects under names of their own. Kept by owner.

The id of an extension is its name, which is unique within its owner only, so that all of an owner's extensions are
one object here, under the owner's id.
"""

from __future__ import annotations

from shared.catalog.spec import Drill, Facet, ObjectType, Quirk, Tier, WaveNumber

_EVIDENCE = "it is evidence only"
_READ = "Microsoft Graph: Get openTypeExtension, Permissions"


def _extensions(
    of: str,
    title: str,
    path: str,
    odata_type: str,
    read: tuple[str, ...],
    write: str,
    *,
    off_because: str,
    delta: bool = True,
    quirks: tuple[Quirk, ...] = (),
) -> ObjectType:
    return ObjectType(
        name=f"{of}OpenExtensions",
        title=f"Open extensions of {title}",
        path=path,
        odata_type=odata_type,
        wave=WaveNumber.REST,
        needs_to_read=(read,),
        needs_to_write=((write,),),
        only_read="this release writes none; what there was is kept, and compared",
        tier=Tier.OPT_IN,
        off_because=off_because,
        facet=Facet(
            f"{of}s" if of != "organization" else of, each=True, collection="extensions", member="extensions"
        ),
        select=("id", "extensions"),
        action_only=("extensions",),
        page_size=999,
        delta=delta,
        name_property="id",
        drill=Drill.NONE,
        no_drill=_EVIDENCE,
        quirks=(
            Quirk(
                "Each owner is asked: that a list of directory objects shows them with $expand is said nowhere.",
                "Microsoft Graph: Get openTypeExtension",
                unverified=True,
            ),
            *quirks,
        ),
    )


USER_EXTENSIONS = _extensions(
    "user",
    "users",
    "/users",
    "#microsoft.graph.user",
    ("User.Read.All", "Directory.Read.All"),
    "User.ReadWrite.All",
    off_because="one request for each user",
)
GROUP_EXTENSIONS = _extensions(
    "group",
    "groups",
    "/groups",
    "#microsoft.graph.group",
    ("Group.Read.All", "Directory.Read.All"),
    "Group.ReadWrite.All",
    off_because="one request for each group",
)
DEVICE_EXTENSIONS = _extensions(
    "device",
    "devices",
    "/devices",
    "#microsoft.graph.device",
    ("Device.ReadWrite.All",),
    "Device.ReadWrite.All",
    off_because="one request for each device, and the only permission that reads them writes devices, too",
    quirks=(Quirk("An application reads them with Device.ReadWrite.All alone.", _READ),),
)
UNIT_EXTENSIONS = _extensions(
    "administrativeUnit",
    "administrative units",
    "/directory/administrativeUnits",
    "#microsoft.graph.administrativeUnit",
    ("AdministrativeUnit.Read.All", "Directory.Read.All"),
    "AdministrativeUnit.ReadWrite.All",
    off_because="one request for each administrative unit",
    quirks=(
        Quirk(
            "The page of permissions doesn't name administrative units; those that read a unit are taken.",
            _READ,
            unverified=True,
        ),
    ),
)
ORGANIZATION_EXTENSIONS = _extensions(
    "organization",
    "the organization",
    "/organization",
    "#microsoft.graph.organization",
    ("Organization.Read.All", "Directory.Read.All"),
    "Organization.ReadWrite.All",
    delta=False,
    off_because="requests of their own, and hardly an organization has any",
)
