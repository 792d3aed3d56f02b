"""The `Ids` contract: from the machine's randomness, and from a seed."""

from __future__ import annotations

import re

import pytest

from shared.adapters.clock import RandomIds
from shared.adapters.memory import SeededIds
from shared.domain.ports import Ids
from tests.contract.suite import Suite

SUITE = Suite(Ids, {"random": RandomIds, "seeded": SeededIds})


@pytest.fixture(params=SUITE.params())
def ids(request: pytest.FixtureRequest) -> Ids:
    return SUITE.made(request.param, SUITE.cases[request.param]())


def test_an_id_is_hexadecimal_and_never_the_same(ids: Ids) -> None:
    made = [ids.new() for _ in range(2000)]
    assert all(re.fullmatch(r"[0-9a-f]{8,}", one) for one in made)
    assert len(set(made)) == len(made)


def test_a_password_has_three_of_four_kinds_of_characters_and_is_never_the_same(ids: Ids) -> None:
    made = [ids.password() for _ in range(500)]
    assert len(set(made)) == len(made)
    for password in made:
        # The directory's rule: 8 to 256 characters, three of the four kinds.
        assert 8 <= len(password) <= 256
        kinds = ("[a-z]", "[A-Z]", "[0-9]", "[^A-Za-z0-9]")
        assert sum(re.search(kind, password) is not None for kind in kinds) >= 3
