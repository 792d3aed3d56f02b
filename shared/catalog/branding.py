"""How sign-in pages look: texts and colours of the default branding and of each language's."""

from __future__ import annotations

from shared.catalog.spec import (
    AnchorSpec,
    Apart,
    Condition,
    Create,
    DomainName,
    LinkWrite,
    ObjectType,
    Quirk,
    Relationship,
    WaveNumber,
)
from shared.domain.plan import AnchorKind

_READ = (("OrganizationalBranding.Read.All",),)
_PATH = "/organization/{parent}/branding/localizations"
_FILES = (
    "backgroundImage",
    "bannerLogo",
    "customCSS",
    "favicon",
    "headerLogo",
    "squareLogo",
    "squareLogoDark",
)
_DEFAULT = "0"
_NAME = "organizationalBrandingLocalizations"

BRANDED = Relationship(
    "branding",
    (_NAME,),
    LinkWrite.NONE,
    contains=_NAME,
    expands=False,
    needs_to_read=_READ,
)

ORGANIZATIONAL_BRANDING = ObjectType(
    name=_NAME,
    title="Branding of sign-in pages, by language",
    path=_PATH,
    odata_type="#microsoft.graph.organizationalBrandingLocalization",
    absent=True,
    wave=WaveNumber.REST,
    needs_to_read=_READ,
    needs_to_write=(("Organization.ReadWrite.All", "OrganizationalBranding.ReadWrite.All"),),
    parent="organization",
    parent_relationship=BRANDED.name,
    name_property="id",
    anchor=AnchorSpec(AnchorKind.KEY, "id", _PATH),
    create=Create(
        _PATH,
        refused_when=(Condition("id", (_DEFAULT,)),),
        refused_why="the service makes the default with the first language: once that is there, a new plan sets it",
    ),
    writable=(
        "backgroundColor",
        "contentCustomization",
        "customAccountResetCredentialsUrl",
        "customCannotAccessYourAccountText",
        "customCannotAccessYourAccountUrl",
        "customForgotMyPasswordText",
        "customPrivacyAndCookiesText",
        "customPrivacyAndCookiesUrl",
        "customResetItNowText",
        "customTermsOfUseText",
        "customTermsOfUseUrl",
        "headerBackgroundColor",
        "loginPageLayoutConfiguration",
        "loginPageTextVisibilitySettings",
        "signInPageText",
        "usernameHintText",
    ),
    create_only=("id",),
    set_after=_FILES,
    # A file's address tells that there is one.
    apart=tuple(
        Apart(name, name, file=True, when=Condition(f"{name}RelativeUrl", ("",), begins=True), share=0.3)
        for name in _FILES
    ),
    domain_names=(DomainName("usernameHintText"),),
    # Where the service serves files from is its own matter.
    volatile=("cdnList", *(f"{name}RelativeUrl" for name in _FILES)),
    whole=("contentCustomization", "loginPageLayoutConfiguration", "loginPageTextVisibilitySettings"),
    computed_within=(
        "contentCustomization.attributeCollectionRelativeUrl",
        "contentCustomization.registrationCampaignRelativeUrl",
    ),
    quirks=(
        Quirk(
            "The default branding is listed among the languages, under the id 0.",
            "Microsoft Graph: List localizations",
            unverified=True,
        ),
        Quirk(
            "A tenant that was never branded answers 404.",
            "Microsoft Graph: Get organizationalBranding",
            unverified=True,
        ),
        Quirk(
            "Images and style sheets are files of their own, which are put and taken away one by one; the object "
            "shows the address of each that there is.",
            "Microsoft Graph: organizationalBrandingProperties resource type; Update organizationalBranding",
            unverified=True,
        ),
    ),
)
