"""What the Azure SDKs raise, in our words.

The line that matters: an answer that leaves open whether a write happened is `StorageDown` (or `BlobExists`,
when creating), never success and never a final refusal. Messages carry the service's error code and request
id, nothing of the request's contents.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from shared.domain.errors import (
    BlobExists,
    BlobMissing,
    ContainerMissing,
    HoldfastError,
    StorageDenied,
    StorageDown,
    Unusable,
)

if TYPE_CHECKING:
    from azure.core.exceptions import HttpResponseError

# A create-only role is refused with one of these where overwriting would need more than adding.
_REFUSED_CREATE = frozenset({"AuthorizationPermissionMismatch", "AuthorizationFailure"})
_GONE_CONTAINER = frozenset({"ContainerBeingDeleted", "ContainerDisabled", "AccountIsDisabled"})
_BUSY = frozenset({408, 429})
_CODE = re.compile(r"[A-Za-z0-9_.-]{1,80}")


@contextmanager
def translated(what: str, *, creating: bool = False) -> Iterator[None]:
    """Raises only errors of `domain.errors` for what the SDKs and the network raise inside.

    `what` begins the message ("reading x"). `creating`: a create-only write, where a refusal may mean that the
    name is taken.
    """
    try:
        yield
    except _sdk_errors() as error:
        raise _ours(what, error, creating) from error


def _sdk_errors() -> tuple[type[Exception], ...]:
    # Evaluated only when something was raised, so that importing this module loads no SDK.
    from aiohttp import ClientError
    from azure.core.exceptions import AzureError

    return (AzureError, ClientError, OSError, TimeoutError)


def _ours(what: str, error: Exception, creating: bool) -> HoldfastError:
    from azure.core.exceptions import ClientAuthenticationError, HttpResponseError

    if isinstance(error, HttpResponseError) and error.status_code is not None:
        return _answered(what, error, error.status_code, creating)
    if isinstance(error, ClientAuthenticationError):
        return StorageDenied(
            f"{what}: no token could be obtained", hint="check the identity that the app runs under"
        )
    return StorageDown(f"{what}: no clear answer ({type(error).__name__})")


def _answered(what: str, error: HttpResponseError, status: int, creating: bool) -> HoldfastError:
    code = error_code(error)
    said = f"{what}: HTTP {status}{' ' + code if code else ''}"
    request_id = _header(error, "x-ms-request-id")
    if status in _BUSY or status >= 500 or status < 300:  # below 300: the answer's body was unreadable
        return StorageDown(said, after=_seconds(_header(error, "retry-after")), request_id=request_id)
    if code in _GONE_CONTAINER:
        return StorageDenied(said, request_id=request_id)
    if creating and (status in (409, 412) or (status == 403 and code in _REFUSED_CREATE)):
        return BlobExists(said, request_id=request_id)
    if status == 404 and code == "BlobNotFound":
        return BlobMissing(said, request_id=request_id)
    if status == 404 and code == "ContainerNotFound":
        return ContainerMissing(said, request_id=request_id)
    if status == 413:
        return Unusable(said, request_id=request_id)
    return StorageDenied(said, request_id=request_id)


def error_code(error: HttpResponseError) -> str:
    """The service's code, if it looks like one: it comes from outside."""
    given = getattr(error, "error_code", None) or _header(error, "x-ms-error-code")
    if not given:  # Key Vault says it in the body only
        given = getattr(error.error, "code", None)
    text = str(getattr(given, "value", given) or "")
    return text if _CODE.fullmatch(text) else ""


def _header(error: HttpResponseError, name: str) -> str:
    response = error.response
    headers = getattr(response, "headers", None) or {}
    value = headers.get(name) or ""
    return str(value) if _CODE.fullmatch(str(value)) else ""


def _seconds(text: str) -> float | None:
    return float(text) if text.isdigit() else None
