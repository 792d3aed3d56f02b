"""The stand-alone verifier in an environment that holds the two packages it names, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.scenario.alone import DEMO, TIMES, check, installed, make_environment

# A pack's text, its lines and the database's cache come to this at the most; a small vault fills none of them.
ONE_PACK = 96 * 2**20


@pytest.mark.full
def test_it_checks_the_demo_s_vault_and_one_ten_times_that_in_the_memory_of_one_pack(tmp_path: Path) -> None:
    python = make_environment(tmp_path / "environment")
    # The latter two come with cryptography.
    assert installed(python) == {"zstandard", "cryptography", "cffi", "pycparser"}
    found = []
    for users in (DEMO, TIMES * DEMO):
        (tmp_path / str(users)).mkdir()
        found.append(check(python, users, tmp_path / str(users)))
        assert found[-1].code == 0, found[-1].said
        assert "findings: 0" in found[-1].said
    small, large = found
    assert large.objects > 9 * small.objects
    assert large.peak < small.peak + ONE_PACK
