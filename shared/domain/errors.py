"""Every error Holdfast raises on purpose.

The top branches answer one question each: `Retryable`: the same call may succeed later, nothing was lost;
`Unusable`: the input can't be worked with, change it; `Refused`: a rule of safety says no; `Fault`: something
is broken and a person must look. `exit_code` is what the command line ends with.
"""

from __future__ import annotations

from typing import ClassVar


class HoldfastError(Exception):
    """Base of all. `what` says what happened; the rest says to which object, and what to do next."""

    exit_code: ClassVar[int] = 1

    def __init__(
        self,
        what: str,
        *,
        object_type: str = "",
        object_id: str = "",
        request_id: str = "",
        saved: str = "",
        hint: str = "",
    ) -> None:
        self.what = what
        self.object_type = object_type
        self.object_id = object_id
        self.request_id = request_id
        self.saved = saved
        self.hint = hint
        super().__init__(what)

    def __str__(self) -> str:
        about = " ".join(part for part in (self.object_type, self.object_id) if part)
        parts = [f"{self.what} ({about})" if about else self.what]
        if self.request_id:
            parts.append(f"request-id {self.request_id}")
        if self.saved:
            parts.append(f"saved: {self.saved}")
        if self.hint:
            parts.append(f"next: {self.hint}")
        return "; ".join(parts)


class Retryable(HoldfastError):
    """The same call may succeed later; the message goes back to its queue."""

    def __init__(self, what: str, *, after: float | None = None, **about: str) -> None:
        super().__init__(what, **about)
        self.after = after  # seconds until another try makes sense; None: the caller's own back-off


class Unusable(HoldfastError):
    """The input can't be worked with: unknown id, wrong shape, bad settings."""

    exit_code = 2


class Refused(HoldfastError):
    """A rule of safety says no: digest, signature, approval, precondition, guard."""

    exit_code = 3


class Fault(HoldfastError):
    """Something is broken and a person must look."""


# --- storage -----------------------------------------------------------------------------------------


class BlobExists(HoldfastError):
    """A create-only write found the name taken, or was refused as a create-only role is when it may be taken.

    Never the end: the caller reads back and compares (`engines.create.create_once`).
    """


class BlobMissing(Unusable):
    """No blob of that name."""


class IntegrityError(Fault):
    """Stored bytes are not what their name, hash or signature promises. Nothing was overwritten."""


class StorageDenied(Fault):
    """The identity in use has no right to this storage call."""


class ContainerMissing(StorageDenied):
    """There is no container of that name."""


class BlobLinked(StorageDenied):
    """In a folder copy a link stands where a blob or its folder should be: it is not followed."""


class StorageDown(Retryable):
    """The storage service could not be reached or is busy; whether a write happened is unknown."""


class RowChanged(Retryable):
    """A table row is not in the version that the writer saw."""


# --- Graph -------------------------------------------------------------------------------------------


class GraphError(Fault):
    """Graph refused a request. `status` is the HTTP status, `code` Graph's error code."""

    def __init__(self, what: str, *, status: int, code: str = "", **about: str) -> None:
        super().__init__(what, **about)
        self.status = status
        self.code = code


class GraphNotPermitted(GraphError):
    """403: the token lacks a permission for this path."""


class GraphNotLicensed(GraphError):
    """The tenant has no licence for this feature."""


class GraphNotFound(GraphError):
    """404: no such object here, or not yet on this replica."""


class GraphUnauthorized(GraphError):
    """401: the token is missing, expired or of another tenant."""


class PageTokenExpired(GraphError):
    """A next link is too old: the listing has to start again."""


class DeltaTokenExpired(GraphError):
    """A delta link is too old (410, or 400 syncStateNotFound): a full read is needed."""


class GraphDown(Retryable):
    """No answer, or 429 and 5xx beyond patience. Only raised where nothing can have been written."""


class AnswerLost(Retryable):
    """A write was sent and no clear answer came back: it may or may not have happened."""


class ForeignLink(Refused):
    """A link or redirect pointed to an origin that gets no credentials from us."""


# --- restore -----------------------------------------------------------------------------------------


class ClaimHeld(Retryable):
    """Another worker holds the claim on this batch."""


class NotYet(Retryable):
    """Something that this step depends on is not there yet: replication, another step, an approval."""
