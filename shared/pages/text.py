"""Text from the tenant, made safe to look at.

A display name can hold characters that hide, reorder or imitate: a right-to-left override turns
`exe.fdp` into `pdf.exe`, a line separator fakes a new row, an escape sequence drives the terminal. Nothing of
that reaches a screen or a page: such characters are shown by their code point, `‹U+202E›`.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import lru_cache

from shared.domain import data_uri
from shared.domain.errors import Unusable
from shared.domain.objects import Json

# Controls, format characters (bidi, zero width, tags), separators, surrogates, private and unassigned ones.
_HIDDEN = frozenset({"Cc", "Cf", "Zl", "Zp", "Cs", "Co", "Cn"})
# Letters and symbols without ink, and spaces that imitate the ordinary one.
_BLANK = frozenset("\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0\u034f\u180b\u180c\u180d\u180f")
_PLAIN = re.compile(r"[ -~]*")


@lru_cache(maxsize=4096)
def is_hidden(character: str) -> bool:
    """Whether a character can't be seen for what it is."""
    if character == " ":
        return False
    category = unicodedata.category(character)
    if category in _HIDDEN or category == "Zs" or character in _BLANK:
        return True
    # Variation selectors change how their neighbour looks and can carry hidden text.
    return 0xFE00 <= ord(character) <= 0xFE0F or 0xE0100 <= ord(character) <= 0xE01EF


def code_point(character: str) -> str:
    return f"U+{ord(character):04X}"


def pieces(text: str) -> Iterator[tuple[str, bool]]:
    """Runs of the text, each with whether it stands for a hidden character (then it is its code point)."""
    if _PLAIN.fullmatch(text):
        if text:
            yield text, False
        return
    run: list[str] = []
    for character in text:
        if not is_hidden(character):
            run.append(character)
            continue
        if run:
            yield "".join(run), False
            run.clear()
        yield code_point(character), True
    if run:
        yield "".join(run), False


def visible(text: str) -> str:
    """The text with hidden characters spelled out."""
    return "".join(f"‹{piece}›" if hidden else piece for piece, hidden in pieces(text))


def legible(value: Json) -> Json:
    """A JSON value for people: in place of a file's bytes what tells it from another."""
    if isinstance(value, dict):
        return {name: legible(member) for name, member in value.items()}
    if isinstance(value, list):
        return [legible(one) for one in value]
    if not isinstance(value, str) or not data_uri.is_one(value):
        return value
    try:
        media_type, content = data_uri.decode(value)
    except Unusable:
        return value
    return f"{media_type}, {size(len(content))}, SHA-256 {hashlib.sha256(content).hexdigest()[:16]}…"


def shorten(text: str, length: int = 120) -> str:
    """For one line of a table."""
    return text if len(text) <= length else f"{text[: length - 1]}…"


def count(number: int, one: str, many: str = "") -> str:
    """`1 change`, `2 changes`, `1,200 changes`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def moment(at: datetime | None) -> str:
    """`2026-11-22 01:30:00 UTC`, "" for none."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC" if at is not None else ""


def size(octets: int) -> str:
    """`312 B`, `4.2 MiB`."""
    amount, units = float(octets), ["B", "KiB", "MiB", "GiB", "TiB"]
    while amount >= 1024 and len(units) > 1:
        amount /= 1024
        units.pop(0)
    return f"{amount:.0f} B" if units[0] == "B" else f"{amount:.1f} {units[0]}"


def duration(seconds: float) -> str:
    """`45 s`, `12 min`, `3 h 20 min`."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 90:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60:02d} min"
