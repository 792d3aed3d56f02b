"""Settings are read once, and everything wrong with them is said together."""

from __future__ import annotations

import json

import pytest

from shared.domain.errors import Unusable
from shared.domain.evidence import RecoveryTarget
from shared.domain.regions import Residency
from shared.settings import Role, load_settings

LOCAL = {
    "HOLDFAST_TENANT_ID": "11111111-2222-3333-4444-555555555555",
    "HOLDFAST_GRAPH_URL": "http://127.0.0.1:8000/",
    "HOLDFAST_GRAPH_TOKEN": "a-token",
    "HOLDFAST_KEYS_DIR": "keys",
    "VaultStorage": "AccountName=v;AccountKey=c2VjcmV0;BlobEndpoint=http://127.0.0.1:1/v;",
}
AZURE = {
    "HOLDFAST_TENANT_ID": LOCAL["HOLDFAST_TENANT_ID"],
    "HOLDFAST_CLIENT_ID": "99999999-2222-3333-4444-555555555555",
    "HOLDFAST_KEY_VAULT_URL": "https://keys.vault.azure.net",
    "VaultStorage__blobServiceUri": "https://vault.blob.core.windows.net",
}


COPY = {
    "HOLDFAST_ROLE": "copy",
    "HOLDFAST_TENANT_ID": LOCAL["HOLDFAST_TENANT_ID"],
    "HOLDFAST_PUBLIC_KEYS": "{}",
    "HOLDFAST_COPY_REGION": "swedencentral",
    "VaultStorage__blobServiceUri": "https://vault.blob.core.windows.net",
    "CopyStorage__blobServiceUri": "https://copy.blob.core.windows.net",
}


def test_a_local_and_an_azure_set_are_accepted() -> None:
    local, azure = load_settings({**LOCAL, "HOLDFAST_ROLE": "all"}), load_settings(AZURE)
    assert (local.role, local.graph_url) == (Role.ALL, "http://127.0.0.1:8000")
    assert (azure.role, azure.graph_url) == (Role.BACKUP, "https://graph.microsoft.com")
    assert (azure.vault_container, azure.evidence_container) == ("vault-35d", "evidence-400d")


def test_lists_are_comma_separated_and_ids_are_lower_case() -> None:
    ids = "BBBBBBBB-2222-3333-4444-555555555555, aaaaaaaa-2222-3333-4444-555555555555"
    settings = load_settings({**LOCAL, "HOLDFAST_RETENTION_CLASSES": "35, 365", "HOLDFAST_BREAK_GLASS_IDS": ids})
    assert settings.vault_containers == ("vault-35d", "vault-365d")
    assert settings.break_glass_ids == (
        "aaaaaaaa-2222-3333-4444-555555555555",
        "bbbbbbbb-2222-3333-4444-555555555555",
    )


def test_all_problems_are_reported_together() -> None:
    with pytest.raises(Unusable) as caught:
        load_settings({"HOLDFAST_REGION": "uksouth", "HOLDFAST_TENANT_ID": "x", "HOLDFAST_PACK_BYTES": "1"})
    for name in ("HOLDFAST_REGION", "HOLDFAST_TENANT_ID", "HOLDFAST_PACK_BYTES"):
        assert name in str(caught.value)


@pytest.mark.parametrize("region", ["norwayeast", "switzerlandnorth", "uksouth", "eastus", "westeurope2"])
def test_regions_outside_the_eu_are_refused(region: str) -> None:
    with pytest.raises(Unusable, match="not a region inside the EU"):
        load_settings({**LOCAL, "HOLDFAST_REGION": region})


def test_the_wider_boundary_holds_only_where_it_was_chosen() -> None:
    wider = {**LOCAL, "HOLDFAST_RESIDENCY": "eu-data-boundary"}
    assert load_settings({**wider, "HOLDFAST_REGION": "switzerlandnorth"}).region == "switzerlandnorth"
    assert load_settings({**wider, "HOLDFAST_REGION": "Norway East"}).region == "norwayeast"
    for region in ("uksouth", "eastus"):
        with pytest.raises(Unusable, match="not a region inside the EU Data Boundary"):
            load_settings({**wider, "HOLDFAST_REGION": region})
    with pytest.raises(Unusable, match="HOLDFAST_RESIDENCY"):
        load_settings({**LOCAL, "HOLDFAST_RESIDENCY": "europe"})
    assert load_settings(LOCAL).residency is Residency.EU


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"HOLDFAST_GRAPH_URL": "https://graph.microsoft.com.evil.example"}, "neither a Microsoft Graph origin"),
        ({"HOLDFAST_GRAPH_URL": "https://graph.microsoft.com"}, "loopback HOLDFAST_GRAPH_URL only"),
        ({"HOLDFAST_GRAPH_TOKEN": ""}, "needs HOLDFAST_GRAPH_TOKEN"),
        ({"VaultStorage": "BlobEndpoint=https://vault.blob.core.windows.net;"}, "emulators on loopback"),
        ({"VaultStorage": ""}, "VaultStorage is missing"),
        ({"HOLDFAST_RETENTION_CLASSES": ""}, ""),
        ({"HOLDFAST_BREAK_GLASS_IDS": "boss@contoso.example"}, "not an object id"),
    ],
)
def test_a_set_that_would_weaken_the_trust_rules_is_refused(changes: dict[str, str], says: str) -> None:
    if not says:
        assert load_settings({**LOCAL, **changes}).retention_classes == (35,)  # empty means: the default
        return
    with pytest.raises(Unusable, match=says):
        load_settings({**LOCAL, **changes})


@pytest.mark.parametrize(
    "changes",
    [
        {"HOLDFAST_ROLE": "all"},
        {"HOLDFAST_CLOCK_FACTOR": "20"},
        {"HOLDFAST_KEYS_DIR": "keys"},
        {"HOLDFAST_SECRETS_DIR": "secrets"},
        {"HOLDFAST_LOG_URL": "https://logs.example"},
    ],
)
def test_what_is_for_loopback_only_is_refused_elsewhere(changes: dict[str, str]) -> None:
    with pytest.raises(Unusable, match="loopback only"):
        load_settings({**AZURE, **changes})


def test_in_azure_a_local_graph_or_the_joined_role_stops_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEBSITE_INSTANCE_ID", "1")
    with pytest.raises(Unusable, match="in Azure neither"):
        load_settings(LOCAL)


def test_no_message_repeats_a_value_that_may_be_a_secret() -> None:
    bad = {**LOCAL, "HOLDFAST_TENANT_ID": "s3cret-in-the-wrong-place", "HOLDFAST_PACK_BYTES": "s3cret"}
    with pytest.raises(Unusable) as caught:
        load_settings(bad)
    assert "s3cret" not in str(caught.value)
    assert "a-token" not in repr(load_settings(LOCAL))
    assert "c2VjcmV0" not in repr(load_settings(LOCAL))


def test_a_laptop_has_folders_in_place_of_storage_and_key_vault() -> None:
    given = {name: value for name, value in AZURE.items() if name not in ("VaultStorage__blobServiceUri",)}
    laptop = {**given, "HOLDFAST_ROLE": "all", "HOLDFAST_EXPORT_DIR": "copy", "HOLDFAST_KEYS_DIR": "keys"}
    settings = load_settings({**laptop, "HOLDFAST_CLIENT_CERTIFICATE": "app.pem"})
    assert settings.graph_url == "https://graph.microsoft.com"
    with pytest.raises(Unusable, match="uses no storage account"):
        load_settings({**laptop, "VaultStorage__blobServiceUri": "https://vault.blob.core.windows.net"})
    with pytest.raises(Unusable, match="apps hold no secret"):
        load_settings({**AZURE, "HOLDFAST_CLIENT_CERTIFICATE": "app.pem"})


def test_a_laptop_is_no_place_in_azure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEBSITE_INSTANCE_ID", "1")
    laptop = {name: value for name, value in AZURE.items() if "__" not in name}
    for role in ("all", "backup"):
        with pytest.raises(Unusable, match="neither a local URL or folder nor HOLDFAST_ROLE=all"):
            load_settings({**laptop, "HOLDFAST_ROLE": role, "HOLDFAST_EXPORT_DIR": "copy"})


def test_a_copier_needs_neither_a_tenant_nor_a_key_vault() -> None:
    settings = load_settings(COPY)
    assert (settings.role, settings.copy_region) == (Role.COPY, "swedencentral")
    assert settings.copy_storage.blob == "https://copy.blob.core.windows.net"
    assert (settings.client_id, settings.key_vault_url) == ("", "")


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"CopyStorage__blobServiceUri": ""}, "CopyStorage is missing"),
        ({"VaultStorage__blobServiceUri": ""}, "VaultStorage is missing"),
        ({"HOLDFAST_COPY_REGION": ""}, "HOLDFAST_COPY_REGION is missing"),
        ({"HOLDFAST_COPY_REGION": "switzerlandnorth"}, "not a region inside the EU"),
        ({"HOLDFAST_PUBLIC_KEYS": ""}, "HOLDFAST_PUBLIC_KEYS is missing"),
        ({"HOLDFAST_GRAPH_TOKEN": "t"}, "reaches no tenant"),
        ({"HOLDFAST_KEYS_DIR": "keys"}, "loopback only"),
        ({"HOLDFAST_CLOCK_FACTOR": "20"}, "loopback only"),
        ({"HOLDFAST_COPY_LAG": "0"}, "HOLDFAST_COPY_LAG"),
        ({"HOLDFAST_VAULT_TENANT_ID": "contoso"}, "HOLDFAST_VAULT_TENANT_ID is not a tenant id"),
        ({"HOLDFAST_VAULT_TENANT_ID": COPY["HOLDFAST_TENANT_ID"]}, "needs HOLDFAST_CLIENT_ID"),
        ({"CopyStorage__blobServiceUri": "https://VAULT.blob.core.windows.net/"}, "into another one"),
        ({"CopyStorage": "BlobEndpoint=https://copy.blob.core.windows.net;"}, "emulators on loopback"),
    ],
)
def test_a_copier_that_could_not_copy_is_refused(changes: dict[str, str], says: str) -> None:
    with pytest.raises(Unusable, match=says):
        load_settings({**COPY, **changes})


def test_a_deployment_may_name_its_copy_and_never_itself() -> None:
    where = {"CopyStorage__blobServiceUri": COPY["CopyStorage__blobServiceUri"]}
    assert load_settings({**AZURE, **where}).copy_storage.present
    with pytest.raises(Unusable, match="into another one"):
        load_settings({**AZURE, "CopyStorage__blobServiceUri": AZURE["VaultStorage__blobServiceUri"]})


def test_recovery_targets_are_a_list_with_owner_and_date() -> None:
    text = '[{"function": "Sign-in", "rpoHours": 26, "rtoHours": 8, "owner": "IT", "setOn": "2026-01-15"}]'
    (target,) = load_settings({**LOCAL, "HOLDFAST_RECOVERY_TARGETS": text}).recovery_targets
    assert target == RecoveryTarget("Sign-in", 26.0, 8.0, "IT", "2026-01-15")


_TARGET = {"function": "Sign-in", "rpoHours": 26, "rtoHours": 8, "owner": "IT", "setOn": "2026-01-15"}


@pytest.mark.parametrize(
    "changes",
    [
        {"HOLDFAST_RECOVERY_TARGETS": "soon"},
        {"HOLDFAST_RECOVERY_TARGETS": '{"rpoHours": 1}'},
        *(
            {"HOLDFAST_RECOVERY_TARGETS": json.dumps([{**_TARGET, name: value}])}
            for name, value in (("rpoHours", 0), ("owner", ""), ("setOn", "today"), ("rtoHours", "8h"), ("more", 1))
        ),
        {"HOLDFAST_LOG_WORKSPACE_ID": "99999999-2222-3333-4444-555555555555"},
        {"HOLDFAST_LOG_WORKSPACE_ID": "mine", "HOLDFAST_VAULT_RESOURCE_ID": "/subscriptions/x"},
    ],
)
def test_what_evidence_could_not_rest_on_is_refused(changes: dict[str, str]) -> None:
    with pytest.raises(Unusable, match=next(iter(changes))):
        load_settings({**LOCAL, **changes})
