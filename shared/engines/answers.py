"""What Graph's answer to a write means for the operation: done, again later, refused, or not known.

The texts below are Graph's own error messages, as seen by its users; a message is looked at only where the
status and code leave two readings (Microsoft Graph: "Microsoft Graph error responses and resource types").
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from shared.domain.errors import Unusable
from shared.domain.objects import JsonObject
from shared.domain.plan import Mechanism, Operation, OutcomeState
from shared.domain.ports import GraphResponse
from shared.engines.wire import parse

_WHY_LENGTH = 300

# A reference that is not on this replica yet.
_NOT_REPLICATED = (
    "does not reference a valid application object",
    "backing application",
    "does not exist or one of its queried reference-property objects are not present",
    "reference-property objects are not present",
)
_KEY_TAKEN = ("already exists", "same value for property", "a conflicting object with one or more")
_LINK_THERE = ("added object references already exist", "one or more added object references already exist")


class Special(StrEnum):
    """Answers that need more than being written down."""

    NONE = ""
    LINK_THERE = "linkThere"  # some of the links exist: read, subtract, send the rest
    KEY_TAKEN = "keyTaken"  # something holds a unique value: perhaps our own earlier create


@dataclass(frozen=True, slots=True)
class Reading:
    """An answer read. `ids` (old → new) only with DONE."""

    state: OutcomeState
    why: str = ""
    ids: tuple[tuple[str, str], ...] = ()
    special: Special = Special.NONE


def read_answer(
    operation: Operation, answer: GraphResponse, brought: frozenset[str] = frozenset(), *, behind: bool = False
) -> Reading:
    """Never guesses: what is neither a success nor a clear refusal is UNKNOWN. `brought`: ids that this restore
    brought back and this operation builds on; an error about one of them is a replica that is behind. `behind`: the
    operation builds on values that this restore wrote, so that any 400 may be such a replica's."""
    status = answer.status
    if answer.ok:
        return _success(operation, answer)
    if status == 0 or status >= 500 or status == 408:
        return Reading(OutcomeState.UNKNOWN, "no clear answer came back")
    code, message = error_of(answer.body)
    why = f"{status} {code}: {message}"[:_WHY_LENGTH].rstrip(": ")
    lowered = message.casefold()
    if status == 429:
        return Reading(OutcomeState.WAITING, "throttled")
    if status == 401:
        return Reading(OutcomeState.WAITING, why)
    if status == 400 and any(text in lowered for text in _LINK_THERE) and operation.mechanism is Mechanism.LINK:
        return Reading(OutcomeState.ALREADY, why, special=Special.LINK_THERE)
    about_ours = status in (400, 404) and any(one.casefold() in lowered for one in brought)
    if status == 400 and brought and "notfound" in code.casefold():
        about_ours = True  # it doesn't say what wasn't found, and what this restore brought may be it
    if about_ours or (behind and status == 400) or any(text in lowered for text in _NOT_REPLICATED):
        return Reading(OutcomeState.WAITING, why)
    if status == 404:
        # The target was read a moment ago, so this replica is behind.
        return Reading(OutcomeState.WAITING, why)
    if status == 409 or (status == 400 and any(text in lowered for text in _KEY_TAKEN)):
        if operation.mechanism is Mechanism.CREATE:
            return Reading(OutcomeState.REFUSED, why, special=Special.KEY_TAKEN)
        if status == 409:
            return Reading(OutcomeState.WAITING, why)  # somebody writes to the same object: read again, try again
    if status == 423:
        return Reading(OutcomeState.WAITING, why)
    return Reading(OutcomeState.REFUSED, why)


def error_of(body: bytes) -> tuple[str, str]:
    """Graph's error code and message; empty where the body is none of Graph's."""
    try:
        value = parse(body)
    except Unusable:
        return "", ""
    error = value.get("error") if isinstance(value, dict) else None
    if not isinstance(error, dict):
        return "", ""
    code, message = error.get("code"), error.get("message")
    return (code if isinstance(code, str) else ""), (message if isinstance(message, str) else "")


def new_ids(operation: Operation, item: JsonObject) -> tuple[tuple[str, str], ...] | None:
    """Old → new, from the object that a creation or restore gave back; None where a value is missing."""
    pairs = []
    for name, old in operation.ids.items():
        new = item.get(name)
        if not isinstance(new, str) or not new:
            return None
        pairs.append((old, new))
    return tuple(pairs)


def _success(operation: Operation, answer: GraphResponse) -> Reading:
    if not operation.mechanism.brings or not operation.ids:
        return Reading(OutcomeState.DONE)
    if operation.by_request:
        return Reading(OutcomeState.UNKNOWN, "the request was accepted; what it makes is looked for")
    try:
        item = parse(answer.body)
    except Unusable:
        item = None
    ids = new_ids(operation, item) if isinstance(item, dict) else None
    if ids is None and (operation.mechanism is Mechanism.BIN or operation.request.method != "POST"):
        # What came back from the bin, or was put where it is, has the id that it had.
        return Reading(OutcomeState.DONE, ids=tuple((old, old) for old in operation.ids.values()))
    if ids is None:
        return Reading(OutcomeState.UNKNOWN, "the answer to the creation held no id")
    return Reading(OutcomeState.DONE, ids=ids)
