"""How errors of the SDKs are told apart, and that no SDK is loaded before it is used."""

from __future__ import annotations

import subprocess
import sys
import threading
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import aiohttp
import pytest
from azure.core.exceptions import (
    ClientAuthenticationError,
    DecodeError,
    HttpResponseError,
    ResourceExistsError,
    ResourceNotFoundError,
    ServiceRequestError,
    ServiceResponseError,
)

from shared.adapters.azure_errors import translated
from shared.adapters.memory import ManualClock
from shared.domain.errors import (
    BlobExists,
    BlobMissing,
    ContainerMissing,
    HoldfastError,
    StorageDenied,
    StorageDown,
    Unusable,
)
from tests.contract.key_vault import Credential


def answered(
    status: int, code: str = "", kind: type[HttpResponseError] = HttpResponseError, **headers: str
) -> HttpResponseError:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    response = SimpleNamespace(
        status_code=status, reason="", headers={"x-ms-error-code": code, "x-ms-request-id": "r-1", **named}
    )
    return kind(message="personal contents", response=response)  # type: ignore[arg-type]


def raised(error: BaseException, *, creating: bool = False) -> HoldfastError:
    with pytest.raises(HoldfastError) as caught, translated("creating a", creating=creating):
        raise error
    return caught.value


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (answered(409, "BlobAlreadyExists", ResourceExistsError), BlobExists),
        (answered(409, "BlobImmutableDueToPolicy", ResourceExistsError), BlobExists),
        (answered(412, "ConditionNotMet"), BlobExists),
        (answered(403, "AuthorizationPermissionMismatch"), BlobExists),
        (answered(403, "AuthorizationFailure"), BlobExists),
        (answered(403, "AuthenticationFailed"), StorageDenied),
        (answered(403, ""), StorageDenied),
        (answered(409, "ContainerBeingDeleted"), StorageDenied),
        (answered(404, "ContainerNotFound", ResourceNotFoundError), ContainerMissing),
        (answered(400, "InvalidHeaderValue"), StorageDenied),
        (answered(401, "NoAuthenticationInformation", ClientAuthenticationError), StorageDenied),
        (answered(413, "RequestBodyTooLarge"), Unusable),
        (answered(503, "ServerBusy"), StorageDown),
        (answered(500, "InternalError"), StorageDown),
        (answered(429), StorageDown),
        (answered(408), StorageDown),
        (answered(201, kind=DecodeError), StorageDown),
        (ServiceRequestError("x"), StorageDown),
        (ServiceResponseError("x"), StorageDown),
        (aiohttp.ClientPayloadError("x"), StorageDown),
        (ConnectionResetError("x"), StorageDown),
        (TimeoutError(), StorageDown),
        (ClientAuthenticationError("no token"), StorageDenied),
    ],
)
def test_an_open_end_of_a_create_is_never_a_final_refusal(error: Exception, expected: type) -> None:
    assert type(raised(error, creating=True)) is expected


@pytest.mark.parametrize("error", [answered(409, "Other"), answered(412), answered(403, "AuthorizationFailure")])
def test_only_a_create_can_find_a_name_taken(error: Exception) -> None:
    assert type(raised(error)) is StorageDenied


def test_only_a_missing_blob_is_missing() -> None:
    assert type(raised(answered(404, "BlobNotFound"))) is BlobMissing
    assert type(raised(answered(404, "ContainerNotFound"))) is ContainerMissing
    for code in ("", "ResourceNotFound", "AccountNotFound"):
        assert type(raised(answered(404, code))) is StorageDenied


def test_messages_hold_code_and_request_id_and_nothing_of_the_contents() -> None:
    error = raised(answered(503, "ServerBusy", retry_after="12"))
    assert str(error) == "creating a: HTTP 503 ServerBusy; request-id r-1"
    assert isinstance(error, StorageDown)
    assert error.after == 12.0


@pytest.mark.parametrize("code", ["<b>x</b>", "x" * 100, "a b", "é", "a\nb"])
def test_a_code_that_does_not_look_like_one_is_not_repeated(code: str) -> None:
    assert str(raised(answered(500, code, retry_after="soon"))) == "creating a: HTTP 500; request-id r-1"


def test_our_own_errors_and_mistakes_pass_unchanged() -> None:
    for error in (Unusable("x"), KeyError("x"), ZeroDivisionError()):
        with pytest.raises(type(error)) as caught, translated("x"):
            raise error
        assert caught.value is error


def test_importing_the_adapters_loads_no_sdk() -> None:
    modules = [
        "memory",
        "files",
        "blob",
        "tables",
        "queue",
        "keys",
        "key_vault",
        "clock",
        "inspect",
        "azure_errors",
        "limits",
    ]
    heavy = (
        "azure.core",
        "azure.storage",
        "azure.data",
        "azure.identity",
        "azure.keyvault",
        "cryptography",
        "aiohttp",
    )
    script = (
        f"import sys\nfor name in {modules}: __import__('shared.adapters.' + name)\n"
        f"print([name for name in {heavy} if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, cwd=Path(__file__).parents[2], check=True
    )
    assert done.stdout.strip() == "[]"


async def test_clients_with_an_identity_are_made_without_a_request() -> None:
    """What they do with it is the SDK's part; that they accept our options is ours."""
    from shared.adapters.blob import AzureBlobStore
    from shared.adapters.inspect import AzureInspector
    from shared.adapters.key_vault import KeyVaultSecretStore
    from shared.adapters.queue import AzureQueue
    from shared.adapters.tables import AzureTableStore

    credential = Credential()
    clients = [
        AzureBlobStore.from_account("https://a.blob.core.windows.net", "vault", credential),
        AzureTableStore.from_account("https://a.table.core.windows.net", "runs", credential),
        AzureQueue.from_account("https://a.queue.core.windows.net", "export", credential),
        AzureInspector.from_account("https://a.blob.core.windows.net", credential),
        KeyVaultSecretStore("https://a.vault.azure.net", credential, ManualClock(), timedelta(days=7)),
    ]
    assert clients[0].container == "vault"
    assert clients[2].name == "export"
    for client in clients:
        await client.close()


def test_a_certificate_that_is_none_is_told_before_anybody_signs_in(tmp_path: Path) -> None:
    from shared.adapters.identity import by_certificate

    with pytest.raises(Unusable, match="can't be read"):
        by_certificate("t", "app", str(tmp_path / "none.pem"))
    (tmp_path / "text.pem").write_text("no certificate")
    with pytest.raises(Unusable, match="holds no certificate"):
        by_certificate("t", "app", str(tmp_path / "text.pem"))


async def test_a_device_code_is_shown_to_the_person_and_waited_for_in_a_thread() -> None:
    """The SDK's own flow, with its requests answered here."""
    from azure.core.credentials import AccessToken
    from azure.identity import DeviceCodeCredential

    from shared.adapters.identity import by_device_code

    told: list[str] = []
    credential = by_device_code("11111111-2222-3333-4444-555555555555", "app", told.append)
    inner: Any = vars(credential)["_inner"]
    assert isinstance(inner, DeviceCodeCredential)

    def signed_in(*scopes: str, **asked: object) -> AccessToken:
        assert threading.current_thread() is not threading.main_thread()
        inner._prompt_callback("https://microsoft.com/devicelogin", "ABC123", None)
        return AccessToken(" ".join(scopes), 0)

    inner.get_token = signed_in
    async with credential:
        token = await credential.get_token("https://graph.microsoft.com/.default", enable_cae=False)
    assert token.token == "https://graph.microsoft.com/.default"
    assert told == ["sign in at https://microsoft.com/devicelogin with the code ABC123"]
