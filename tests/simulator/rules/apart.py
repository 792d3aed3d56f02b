"""Members that no answer shows with their object: each has a path of its own, where it is read and written whole.

Sources: the pages named in each row; Graph's metadata declares files as Edm.Stream. That a file's address is shown
with the object, and changes with the file, is what the resource pages say of `info.logoUrl` and of the
`…RelativeUrl` properties.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass, field
from typing import Any

from .registry import Alternatives, Rule, any_of, words

HELD = "_apart"  # of an object: member -> its value; of a file [media type, base64]
PHOTO = "_photo"
_GUIDE = "https://learn.microsoft.com/graph/api/"
_IMAGES = words("image/png image/jpeg image/gif image/*")
_BRANDING_READ = any_of(
    "OrganizationalBranding.Read.All",
    "OrganizationalBranding.ReadWrite.All",
    "Organization.Read.All",
    "Organization.ReadWrite.All",
)
_BRANDING_WRITE = any_of("OrganizationalBranding.ReadWrite.All", "Organization.ReadWrite.All")
_JOBS_READ = any_of("Synchronization.Read.All", "Synchronization.ReadWrite.All", "Application.ReadWrite.OwnedBy")
_JOBS_WRITE = any_of("Synchronization.ReadWrite.All", "Application.ReadWrite.OwnedBy")


@dataclass(frozen=True)
class Apart:
    """`path`: of the member, `{child}` (or `{id}`, where there is no child) standing for the object. `media_types`:
    what a file may be; none: it is JSON of the `model`. `address`: dotted path where the object shows that there is
    one. `computed`: what the service sets in JSON. `delete`: who may take it away; nobody: there is no such
    operation."""

    table: str
    name: str
    path: str
    source: str
    read: Alternatives
    write: Alternatives
    delete: Alternatives = ()
    media_types: tuple[str, ...] = ()
    most: int = 0  # bytes
    model: str = ""
    address: str = ""
    computed: dict[str, Any] = field(default_factory=dict)
    members: tuple[str, ...] = ()  # of JSON, all that there are

    @property
    def held(self) -> str:
        """The hidden member of the object that holds it."""
        return PHOTO if self.name == "photo" else HELD

    @property
    def key(self) -> str:
        return "child" if "{child}" in self.path else "id"


def image(text: str, media_type: str = "image/png") -> list[str]:
    """A file for seeds; to the tenant it is bytes like any."""
    return [media_type, base64.b64encode(b"\x89PNG\r\n\x1a\n" + text.encode()).decode()]


def address(owner: str, name: str, held: list[str]) -> str:
    """Where a file is served from: another place for another file."""
    return f"c1c6b6c8-abc/{owner}/{name.lower()}?ts={hashlib.sha256(repr(held).encode()).hexdigest()[:12]}"


_LOCALIZATION = "/organization/{id}/branding/localizations/{child}"


def _branding(name: str, media_types: tuple[str, ...], most: int) -> Apart:
    return Apart(
        "organizationalBrandingLocalizations",
        name,
        f"{_LOCALIZATION}/{name}",
        _GUIDE + "resources/organizationalbrandingproperties",
        read=_BRANDING_READ,
        write=_BRANDING_WRITE,
        delete=_BRANDING_WRITE,
        media_types=media_types,
        most=most,
        address=f"{name}RelativeUrl",
    )


def _photo(root: str) -> Apart:
    return Apart(
        root,
        "photo",
        f"/{root}/{{id}}/photo/$value",
        _GUIDE + "profilephoto-get",
        read=any_of("ProfilePhoto.Read.All", "ProfilePhoto.ReadWrite.All", *_OF_PHOTOS[root]),
        write=any_of("ProfilePhoto.ReadWrite.All", *_OF_PHOTOS[root][1:]),
        media_types=_IMAGES,
        most=4 * 2**20,
    )


_OF_PHOTOS = {
    "users": words("User.Read.All User.ReadWrite.All"),
    "groups": words("Group.Read.All Group.ReadWrite.All"),
}

APART: tuple[Apart, ...] = (
    Apart(
        "applications",
        "logo",
        "/applications/{id}/logo",
        _GUIDE + "application-update",
        read=any_of("Application.Read.All", "Application.ReadWrite.OwnedBy", "Application.ReadWrite.All"),
        write=any_of("Application.ReadWrite.OwnedBy", "Application.ReadWrite.All"),
        delete=any_of("Application.ReadWrite.OwnedBy", "Application.ReadWrite.All"),
        media_types=_IMAGES,
        most=100 * 1024,
        address="info.logoUrl",
    ),
    _branding("backgroundImage", _IMAGES, 300 * 1024),
    _branding("bannerLogo", _IMAGES, 50 * 1024),
    _branding("customCSS", words("text/css"), 25 * 1024),
    _branding("favicon", (*_IMAGES, "image/x-icon", "image/vnd.microsoft.icon"), 5 * 1024),
    _branding("headerLogo", _IMAGES, 50 * 1024),
    _branding("squareLogo", _IMAGES, 50 * 1024),
    _branding("squareLogoDark", _IMAGES, 50 * 1024),
    _photo("users"),
    _photo("groups"),
    Apart(
        "synchronizationJobs",
        "schema",
        "/servicePrincipals/{id}/synchronization/jobs/{child}/schema",
        _GUIDE + "synchronization-synchronizationschema-update",
        read=_JOBS_READ,
        write=_JOBS_WRITE,
        delete=_JOBS_WRITE,
        model="synchronization_schema.SynchronizationSchema",
        computed={"version": "Date:"},
        members=words("synchronizationRules directories"),
    ),
)
PERMISSIONS: dict[tuple[str, str], Alternatives] = {
    (method, one.path): needed
    for one in APART
    for method, needed in (("GET", one.read), ("PUT", one.write), ("DELETE", one.delete))
    if needed
}

_BRANDING_PAGE = "organizationalBrandingProperties resource type, " + _GUIDE
_BRANDING_PAGE += "resources/organizationalbrandingproperties"
APART_RULES: tuple[Rule, ...] = (
    Rule(
        "apart.none",
        "A file that was never set, or a photo of somebody who has none, answers 404.",
        "Get profilePhoto, " + _GUIDE + "profilephoto-get",
        unverified=True,
    ),
    Rule(
        "apart.file-delete",
        "A logo or an image is taken away by DELETE at its path.",
        _BRANDING_PAGE,
        unverified=True,
    ),
    Rule(
        "apart.media-type", "A file is put as bytes, under one of the media types that it may have.", _BRANDING_PAGE
    ),
    Rule(
        "apart.size", "A file that is larger than its property allows is refused.", _BRANDING_PAGE, unverified=True
    ),
    Rule(
        "apart.put-whole",
        "A PUT of a provisioning job's schema replaces it whole, and the service gives it another version.",
        "Update synchronizationSchema, " + _GUIDE + "synchronization-synchronizationschema-update",
    ),
)
