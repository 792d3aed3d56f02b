"""Domains within texts: which are meant, what takes their place, and what has no place."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.catalog.registry import CATALOG
from shared.engines.domain_names import DomainMap

MAP = DomainMap(
    {
        "old.example": "new.example",
        "eu.old.example": "",
        "old.onmicrosoft.com": "new.onmicrosoft.com",
        "both.example": "both.example",
    }
)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("ada@old.example", "ada@new.example"),
        ("Ada@OLD.Example", "Ada@new.example"),
        ("SMTP:ada@old.onmicrosoft.com", "SMTP:ada@new.onmicrosoft.com"),
        ("https://app.old.example/x", "https://app.new.example/x"),
        ("api://old.example/a.b", "api://new.example/a.b"),
        ('(user.userPrincipalName -contains "@old.example")', '(user.userPrincipalName -contains "@new.example")'),
        ("a@old.example;b@old.example", "a@new.example;b@new.example"),
        ("ends a sentence at old.example.", "ends a sentence at new.example."),
        # What only looks alike.
        ("ada@gold.example", "ada@gold.example"),
        ("ada@old.example.org", "ada@old.example.org"),
        ("ada@old.examples", "ada@old.examples"),
        ("ada@old-example", "ada@old-example"),
        ("ada_old.example#EXT#@old.onmicrosoft.com", "ada_old.example#EXT#@new.onmicrosoft.com"),
        # The longer of two that end alike is meant, and nothing takes its place.
        ("ada@eu.old.example", "ada@eu.old.example"),
        ("https://x.eu.old.example", "https://x.eu.old.example"),
        ("ada@both.example", "ada@both.example"),
        ("", ""),
    ],
)
def test_a_domain_counts_where_it_stands_whole(text: str, wanted: str) -> None:
    assert MAP.text(text) == wanted


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("https://old.example", "https://new.example"),
        ("https://App.OLD.example:8443/cb?x=1#y", "https://App.new.example:8443/cb?x=1#y"),
        ("https://*.old.example/cb", "https://*.new.example/cb"),
        ("https://ada@app.old.example/", "https://ada@app.new.example/"),
        ("msal.app://auth.old.example", "msal.app://auth.new.example"),
        # The host decides, whatever else an address holds.
        ("https://sso.elsewhere.example/old.example?to=https://old.example/", None),
        ("https://old.example@elsewhere.example/", None),
        ("https://old.example.elsewhere.example/", None),
        ("https://gold.example/", None),
        # The longest domain is meant, and nothing takes its place.
        ("https://app.eu.old.example/", None),
        ("https://both.example/", None),
        ("http://localhost", None),
        ("urn:ietf:wg:oauth:2.0:oob", None),
        ("old.example/cb", None),
        ("https://[::1]/cb", None),
        ("", None),
    ],
)
def test_of_an_address_the_host_alone_is_meant(text: str, wanted: str | None) -> None:
    assert MAP.address(text) == (text if wanted is None else wanted)


def test_addresses_are_told_that_move_and_that_still_name_a_domain_of_the_old_tenant() -> None:
    web = {
        "homePageUrl": "https://app.old.example",
        "logoutUrl": "https://both.example/out",
        "redirectUris": [
            "https://app.old.example/cb?to=https://eu.old.example",
            "https://app.eu.old.example/cb",
            "https://sso.elsewhere.example/old.example",
            "https://elsewhere.example/cb",
        ],
        "redirectUriSettings": [{"uri": "https://app.old.example/cb", "index": 1}],
    }
    item = {"web": web, "publicClient": None, "samlMetadataUrl": "https://old.example/saml"}
    spec = CATALOG.get("applications")
    assert {(one.path, one.old, one.new, one.left) for one in MAP.shown(spec, dict(item))} == {
        ("samlMetadataUrl", "https://old.example/saml", "https://new.example/saml", ""),
        ("web.homePageUrl", "https://app.old.example", "https://app.new.example", ""),
        (
            "web.redirectUris[]",
            "https://app.old.example/cb?to=https://eu.old.example",
            "https://app.new.example/cb?to=https://eu.old.example",
            "eu.old.example",
        ),
        ("web.redirectUris[]", "https://app.eu.old.example/cb", "https://app.eu.old.example/cb", "eu.old.example"),
        (
            "web.redirectUris[]",
            "https://sso.elsewhere.example/old.example",
            "https://sso.elsewhere.example/old.example",
            "old.example",
        ),
        ("web.redirectUriSettings[].uri", "https://app.old.example/cb", "https://app.new.example/cb", ""),
    }
    moved = MAP.rewritten(spec, dict(item))
    assert moved["publicClient"] is None
    assert moved["web"] == {
        "homePageUrl": "https://app.new.example",
        "logoutUrl": "https://both.example/out",
        "redirectUris": ["https://app.new.example/cb?to=https://eu.old.example", *web["redirectUris"][1:]],
        "redirectUriSettings": [{"uri": "https://app.new.example/cb", "index": 1}],
    }


def test_two_addresses_that_become_one_are_one() -> None:
    """Graph takes no list that holds an address twice."""
    replies = ["https://new.example/cb", "https://old.example/cb", "https://other.example"]
    moved = MAP.rewritten(CATALOG.get("servicePrincipals"), {"replyUrls": list(replies)})
    assert moved["replyUrls"] == [replies[0], replies[2]]


@given(st.text())
def test_a_text_without_the_domains_is_never_touched(text: str) -> None:
    if "example" not in text.lower() and "onmicrosoft" not in text.lower():
        assert MAP.text(text) == text


@given(st.sampled_from(["ada@", "https://", "a b ", "x.", ""]), st.sampled_from(["", "/p", " c", ";d@old.example"]))
def test_rewriting_twice_is_rewriting_once(before: str, after: str) -> None:
    once = MAP.text(f"{before}old.example{after}")
    assert MAP.text(once) == once


def test_only_declared_texts_are_touched() -> None:
    user = {
        "userPrincipalName": "ada@old.example",
        "otherMails": ["ada@old.example", "ada@home.example"],
        "displayName": "ada@old.example",
    }
    assert MAP.rewritten(CATALOG.get("users"), dict(user)) == {
        **user,
        "userPrincipalName": "ada@new.example",
        "otherMails": ["ada@new.example", "ada@home.example"],
    }


def test_names_that_the_other_tenant_would_refuse_are_left_out_and_told() -> None:
    spec = CATALOG.get("applications")
    uris = ["api://eu.old.example/a", "https://old.example/b", "https://elsewhere.example/c", "api://0b8f9f0e"]
    item = {"displayName": "App", "identifierUris": list(uris)}
    assert MAP.rewritten(spec, dict(item))["identifierUris"] == ["https://new.example/b", *uris[2:]]
    (lost,) = MAP.lost(spec, dict(item))
    assert (lost.member, lost.text, lost.domain, lost.alone) == ("identifierUris", uris[0], "eu.old.example", False)


def test_a_user_of_such_a_domain_is_told_as_a_whole() -> None:
    (lost,) = MAP.lost(CATALOG.get("users"), {"userPrincipalName": "ada@eu.old.example"})
    assert lost.alone
    assert MAP.rewritten(CATALOG.get("users"), {"userPrincipalName": "ada@eu.old.example"}) == {}


def test_every_declared_path_is_a_member_that_the_type_reads() -> None:
    for spec in CATALOG.types:
        for one in spec.domain_names:
            member = one.path.partition(".")[0].removesuffix("[]")
            assert member in {*spec.restorable, *spec.create_only}, (spec.name, member)
