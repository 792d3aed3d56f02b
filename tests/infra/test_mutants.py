"""The checks on the templates notice what is broken: generated mutants, and some that are written out."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

from tests.infra import checkov
from tests.infra.cases import Texts
from tests.infra.checks import first_finding
from tests.infra.mutants import ENOUGH, HARMLESS, mutants, prove, report

TEXTS = Texts.here()


@pytest.mark.full
def test_nearly_every_mutant_is_caught_and_the_rest_does_no_harm() -> None:
    proof = prove(TEXTS, every=3)
    assert sum(proof.caught.values()) >= 300
    assert proof.share >= ENOUGH, "\n".join(report(proof))
    assert proof.holds, "\n".join(report(proof))


@pytest.mark.parametrize(
    ("path", "was", "becomes"),
    [
        ("modules/storage-account.bicep", "allowSharedKeyAccess: false", "allowSharedKeyAccess: true"),
        ("modules/storage-account.bicep", "defaultAction: 'Deny'", "defaultAction: 'Allow'"),
        ("modules/roles.bicep", "'${containers}/blobs/add/action'", "'${containers}/blobs/write'"),
        ("modules/container.bicep", "allowProtectedAppendWrites: false", "allowProtectedAppendWrites: true"),
        ("modules/container.bicep", "if (!locked)", "if (locked)"),
        ("modules/key-vault.bicep", "enablePurgeProtection: true", "enablePurgeProtection: false"),
        ("main.bicep", "'swedencentral'\n  'westeurope'\n])\nparam location", "'uksouth'\n])\nparam location"),
        ("main.bicep", "      'seal'\n", ""),
        ("main.bicep", "running: restoreArmed", "running: true"),
        ("main.bicep", "HOLDFAST_ROLE: 'restore'", "HOLDFAST_ROLE: 'backup'"),
        ("main.bicep", "param evidenceDays int = 400", "param evidenceDays int"),
        ("main.bicep", "      'step.failed'\n", ""),
        ("modules/alerts.bicep", "'Microsoft.Authorization/locks/delete'\n", ""),
        ("modules/vault.bicep", "roleIds.vaultRead\n", "roleIds.vaultAppend\n"),
        ("copy.bicep", "      'copy.refused'\n", ""),
        ("copy.bicep", "event: 'copy.pulled'", "event: 'copy.checked'"),
        ("copy.bicep", "      'copy'\n", "      'other'\n"),
        ("copy.bicep", "days: evidenceDays + margin", "days: evidenceDays"),
        ("copy.bicep", "lockedContainers: lockedContainers", "lockedContainers: []"),
        ("copy.bicep", "HOLDFAST_ROLE: 'copy'", "HOLDFAST_ROLE: 'backup'"),
        ("copy.bicep", "VaultStorage__blobServiceUri: vaultBlobUri", "VaultStorage__blobServiceUri: ''"),
        ("copy.bicep", "      HOLDFAST_COPY_RESOURCE_ID: copyAccount.outputs.id\n", ""),
        ("copy.bicep", "'swedencentral'\n  'westeurope'\n])\nparam location", "'uksouth'\n])\nparam location"),
        ("copy.bicep", "'Microsoft.Storage.Global'", "'Microsoft.Storage'"),
        ("copy.bicep", "holding: false", "holding: true"),
        ("copy.bicep", "placers: []", "placers: keepers"),
        ("copy.bicep", "deployers: copyDeployers", "deployers: readers"),
        ("copy.bicep", "if (private || firstIsPrivate)", "if (private)"),
        ("copy.bicep", "private: private || firstIsPrivate", "private: private"),
        ("copy.bicep", "foreign: firstAccount", "foreign: []"),
        ("copy.bicep", "id: vaultResourceId", "id: copyAccount.outputs.id"),
        ("copy.bicep", "    private: private\n    callerRanges", "    private: false\n    callerRanges"),
        ("modules/endpoints.bicep", "? [] : array(links[index])", "? array(links[index]) : []"),
        ("main.bicep", "], copierSubnetIds)", "], [])"),
    ],
)
def test_a_break_is_noticed(path: str, was: str, becomes: str) -> None:
    text = TEXTS.of[path]
    assert was in text
    assert first_finding(TEXTS.with_(path, text.replace(was, becomes))) is not None


def test_mutants_are_many_and_the_same_each_time() -> None:
    found = [(str(one), one.text) for one in mutants(TEXTS)]
    assert len(found) >= 300
    assert found == [(str(one), one.text) for one in mutants(TEXTS)]
    assert all(reason for _, reason in HARMLESS)


def test_each_explanation_of_a_checkov_finding_is_one_line_with_a_reason() -> None:
    assert len(checkov.explained()) >= 10


def test_what_checkov_finds_has_to_be_explained_and_what_is_explained_found() -> None:
    known = {
        ("CKV_1", "Microsoft.Web/sites"): "it is so",
        ("CKV_2", "Microsoft.Web/sites"): "network=public: by choice",
    }
    first = _failed("CKV_1", "Microsoft.Web/sites.app", "/modules/app.bicep")
    second = _failed("CKV_2", "Microsoft.Web/sites.holdcopy-copy-2e5", "/copy.json")
    clean = [_report([first]), _report([second])]
    assert list(checkov.problems(clean, known, {"copy.json"})) == []
    more = _failed("CKV_1", "Microsoft.Web/sites/config.app/appsettings", "/copy.json")
    private = _failed("CKV_2", "Microsoft.Web/sites.holdcopy-copy-2e5", "/copy-private.json")
    broken = [_report([more, private], unread=["main.bicep"])]
    assert list(checkov.problems(broken, known, {"copy.json", "main.json"})) == [
        "main.bicep: checkov can't read it",
        "CKV_1 on Microsoft.Web/sites/config.app/appsettings (/copy.json): not explained in checkov.txt",
        "CKV_2 on Microsoft.Web/sites.holdcopy-copy-2e5 (/copy-private.json): not explained in checkov.txt",
        "main.json: checkov judged nothing of it",
        "CKV_1 on Microsoft.Web/sites: explained in checkov.txt, and not found any more",
    ]


def _failed(check: str, resource: str, path: str) -> dict[str, str]:
    return {"check_id": check, "resource": resource, "file_path": path}


def _report(failed: list[dict[str, str]], unread: Sequence[str] = ()) -> dict[str, Any]:
    return {"results": {"parsing_errors": list(unread), "failed_checks": failed, "passed_checks": []}}


def test_checkov_is_given_both_deployments_with_every_resource() -> None:
    sent = {name: json.loads(text)["resources"] for name, text in checkov.documents(TEXTS).items()}
    assert set(sent) == {f"{name}{kind}.json" for name in ("main", "copy") for kind in ("", "-open", "-private")}
    assert [one["name"] for one in sent["copy-open.json"]] == [one.name for one in TEXTS.copy_open.resources]
    assert all(one["type"] and one["apiVersion"] for resources in sent.values() for one in resources)
