"""How sign-in pages look."""

from __future__ import annotations

from .apart import HELD, address, image
from .form import TypeRule
from .plain import Plain
from .registry import any_of, words

_FILES = words("backgroundImage bannerLogo customCSS favicon headerLogo squareLogo squareLogoDark")


def _files(owner: str, **files: list[str]) -> dict[str, object]:
    return {HELD: files, **{f"{name}RelativeUrl": address(owner, name, held) for name, held in files.items()}}


LOCALIZATIONS = Plain(
    rule=TypeRule(
        table="organizationalBrandingLocalizations",
        path="/organization/{id}/branding/localizations",
        odata_type="#microsoft.graph.organizationalBrandingLocalization",
        model="organizational_branding_localization.OrganizationalBrandingLocalization",
        source="https://learn.microsoft.com/graph/api/organizationalbranding-post-localizations",
        required=("id",),
        read_only=frozenset(("cdnList", *(f"{name}RelativeUrl" for name in _FILES))),
        secret=frozenset(_FILES),  # streams have paths of their own
        audit_name="branding",
        audit_category="DirectoryManagement",
    ),
    read=any_of(
        "OrganizationalBranding.Read.All",
        "OrganizationalBranding.ReadWrite.All",
        "Organization.Read.All",
        "Organization.ReadWrite.All",
    ),
    change=any_of("OrganizationalBranding.ReadWrite.All", "Organization.ReadWrite.All"),
    create=any_of("OrganizationalBranding.ReadWrite.All", "Organization.ReadWrite.All"),
    parent="organization",
    absent=True,
    first="0",
    starts=(
        {
            "_parent": "@organization/0",
            "id": "0",
            "backgroundColor": "#0b5cad",
            "signInPageText": "Welcome – ask 4711 for help",
            "usernameHintText": "you@contoso-sim.example",
            "cdnList": ["secure.aadcdn.example"],
            **_files("0", bannerLogo=image("banner")),
            "loginPageLayoutConfiguration": {
                "layoutTemplateType": "default",
                "isHeaderShown": False,
                "isFooterShown": True,
            },
            "loginPageTextVisibilitySettings": {"hideTermsOfUse": False, "hidePrivacyAndCookies": True},
            "customTermsOfUseUrl": "https://contoso-sim.example/terms",
            "customTermsOfUseText": "Terms",
            "contentCustomization": {
                "attributeCollection": [{"key": "AttributeCollection_Title", "value": "Who are you?"}],
                "attributeCollectionRelativeUrl": "c1c6b6c8-abc/logintenantbranding/0/attributecollection?ts=638",
            },
        },
        {
            "_parent": "@organization/0",
            "id": "fr-FR",
            "signInPageText": "Bienvenue",
            "usernameHintText": "vous@contoso-sim.example",
            **_files("fr-FR", squareLogo=image("carré", "image/jpeg"), customCSS=["text/css", "Ym9keSB7fQ=="]),
            "contentCustomization": {
                "attributeCollection": [{"key": "AttributeCollection_Title", "value": "Qui êtes-vous ?"}],
            },
        },
    ),
)

BRANDING: tuple[Plain, ...] = (LOCALIZATIONS,)
