"""A legal hold: why a snapshot has to stay beyond its promise, who said so, and when somebody looks at it again."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from shared.domain.errors import Unusable
from shared.domain.wire import Wire

HOLD_FORMAT: Final = 1
MAX_TAGS: Final = 10  # of one container (learn.microsoft.com: "Legal holds for immutable blob data", scalability)
# The service takes 3 to 23 letters and digits and makes them small (REST reference, "Set Legal Hold").
_TAG = re.compile(r"[a-z0-9]{3,23}", re.ASCII)


def check_tag(tag: str) -> str:
    """The tag, or `Unusable`."""
    if not _TAG.fullmatch(tag):
        raise Unusable("a hold's tag has 3 to 23 small letters and digits", hint="such as case2026031")
    return tag


@dataclass(frozen=True, slots=True)
class Hold(Wire):
    """`holds/{tag}/{snapshot}.{n}.json`. Nothing is believed for it: what it keeps is proved by the chain, that
    it keeps it by the tag on the container, and who set that by the service's own log."""

    format: int
    tenant: str
    snapshot: str
    manifest_sha256: str
    tag: str
    case: str
    reason: str
    by: str  # as they named themselves
    set_at: datetime
    review: datetime  # when somebody asks again whether it is still needed; nothing ends by itself

    def same_as(self, other: Hold) -> bool:
        """Whether both say the same, whoever said it when."""
        return self._said() == other._said()

    def _said(self) -> tuple[str, str, str, str, datetime]:
        return self.snapshot, self.tag, self.case, self.reason, self.review


@dataclass(frozen=True, slots=True)
class Release(Wire):
    """`holds/{tag}/released.json`: the case is over. A tag is not used again afterwards."""

    format: int
    tenant: str
    tag: str
    reason: str
    by: str
    released_at: datetime
