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
