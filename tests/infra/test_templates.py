"""The templates of `infra/`: read, and nothing to find for any check."""

from __future__ import annotations

import json

import pytest

from tests.infra import types
from tests.infra.cases import INFRA, Texts
from tests.infra.checks import CHECKS
from tests.infra.residency import every_combination
from tests.infra.syntax import files, read
from tests.reference import ABSENT

TEXTS = Texts.here()


@pytest.mark.parametrize("path", files(INFRA))
def test_a_file_is_in_our_subset(path: str) -> None:
    assert read(path, TEXTS.of[path]).declared


@pytest.mark.parametrize("name", CHECKS)
def test_nothing_is_found(name: str) -> None:
    if name == "types" and types.folder() is None:
        pytest.skip(ABSENT)
    assert list(CHECKS[name](TEXTS)) == []


@pytest.mark.full
def test_no_combination_of_parameters_leads_out_of_the_eu() -> None:
    assert list(every_combination(TEXTS)) == []


def test_the_deployment_has_something_of_everything() -> None:
    """A reading that lost the resources would find nothing wrong with them."""
    kinds = {one.type for one in TEXTS.private.resources}
    assert len(kinds) >= 30
    assert len(TEXTS.plain.resources) > 100
    assert len(TEXTS.copy_plain.resources) > 60


def test_a_locked_vault_is_deployed_again_without_its_policies() -> None:
    """A locked policy refuses to be written; everything else stays under the template's control."""
    policies = "Microsoft.Storage/storageAccounts/blobServices/containers/immutabilityPolicies"
    locked = TEXTS.deployed({"lockedContainers": ["vault-35d", "evidence-400d", "chain"]})
    assert not locked.of(policies)
    assert [one.id for one in locked.resources] == [one.id for one in TEXTS.plain.resources if one.type != policies]


def test_a_locked_copy_is_deployed_again_without_its_policies() -> None:
    policies = "Microsoft.Storage/storageAccounts/blobServices/containers/immutabilityPolicies"
    locked = TEXTS.copied({"lockedContainers": ["vault-35d", "evidence-400d", "chain"]})
    assert not locked.of(policies)
    assert [one.id for one in locked.resources] == [
        one.id for one in TEXTS.copy_plain.resources if one.type != policies
    ]


def test_the_config_of_the_compiler_is_json() -> None:
    assert json.loads((INFRA / "bicepconfig.json").read_text(encoding="utf-8"))["analyzers"]
