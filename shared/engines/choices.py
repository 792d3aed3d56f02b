"""An operator's words on conflicts: which word is meant for which conflict, and what may be said of one at all.

Pure. A word on one object counts before one on its type, and that before one on its kind of conflict. A word that
isn't open for a conflict leaves the conflict as it is, and is told with why.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Final

from shared.catalog.registry import Catalog
from shared.catalog.spec import Condition, MatchKey, ObjectType, Yields
from shared.domain.errors import Unusable
from shared.domain.objects import Json, JsonObject, ObjectKey
from shared.domain.plan import Choice, Chosen, ConflictKind, Scope, Word
from shared.engines.conditions import holds

KINDS: Final = frozenset(kind.value for kind in ConflictKind)
NOT_FOUND: Final = "no conflict of this plan is about it"
_LOCAL_LENGTH: Final = 48  # characters of a name before the @ that are kept: 64 may stand there
_TEXT_LENGTH: Final = 48


class Choices:
    """The words of a request. Raises `Unusable` for one that names neither an object nor a class, or what the
    catalog doesn't know, and for two words on the same."""

    def __init__(self, scope: Scope, catalog: Catalog) -> None:
        self._single: dict[tuple[str, str], Choice] = {}
        self._classes: dict[str, Choice] = {}
        self.used: set[Choice] = set()
        for choice in spoken(scope):
            _check(choice, catalog)
            of, one = choice.of, (choice.type, choice.id)
            before = self._classes.setdefault(of, choice) if of else self._single.setdefault(one, choice)
            if before != choice:
                raise Unusable(f"two words on {choice.of or choice.id}: {before.word} and {choice.word}")
        lives = [one.live for one in self._single.values() if one.word is Word.ADOPT and one.live]
        if len(set(lives)) != len(lives):
            raise Unusable("one live object can't be what became of two", hint="--adopt MISSING=LIVE")

    @property
    def all(self) -> tuple[Choice, ...]:
        return (*self._single.values(), *self._classes.values())

    @property
    def pinned(self) -> list[Choice]:
        """Adoptions that name both objects, and so need no conflict between them."""
        return [one for one in self._single.values() if one.word is Word.ADOPT and one.live]

    def on(self, key: ObjectKey, kind: ConflictKind, new: Callable[[str], str]) -> Choice | None:
        """The word on the conflict of this object. `new`: an id as the plan calls it, from how a request may."""
        found = next(
            (one for one in self._single.values() if one.type in ("", key.type) and new(one.id) == key.id),
            self._classes.get(key.type, self._classes.get(kind.value)),
        )
        if found is not None:
            self.used.add(found)
        return found

    def unused(self) -> list[Chosen]:
        """Words that no conflict of the plan heard."""
        return [
            Chosen(one.word, one.type, one.id, "", one.live, "", False, NOT_FOUND, one.of)
            for one in self.all
            if one not in self.used
        ]


def spoken(scope: Scope) -> tuple[Choice, ...]:
    """All words of a request, as they were said."""
    return (*map(adopting, scope.adopt), *scope.choices)


def spelled(choice: Choice) -> str:
    """What is said, of what."""
    return f"{choice.of or choice.id}={choice.live or choice.word}"


def adopting(pair: str) -> Choice:
    """`MISSING=LIVE` as a choice."""
    old, sign, new = pair.partition("=")
    if not (old and sign and new) or old == new:
        raise Unusable(f"{pair!r} names no pair of its own", hint="--adopt MISSING=LIVE")
    return Choice(Word.ADOPT, id=old, live=new)


def choosing(text: str) -> Choice:
    """`TYPE/ID=WORD` as a choice."""
    what, _, word = text.rpartition("=")
    name, _, object_id = what.partition("/")
    if not name or not object_id:
        raise Unusable(f"{text!r} names no object", hint="--choose TYPE/ID=WORD")
    return Choice(_word(word), type=name, id=object_id)


def choosing_all(text: str) -> Choice:
    """`CLASS=WORD` as a choice."""
    of, _, word = text.rpartition("=")
    if not of:
        raise Unusable(f"{text!r} names no class", hint=f"--choose-all CLASS=WORD; a type, or {_known()}")
    return Choice(_word(word), of=of)


def _word(text: str) -> Word:
    try:
        return Word(text)
    except ValueError:
        raise Unusable(f"{text!r} can't be chosen", hint=f"one of {', '.join(Word)}") from None


def _known() -> str:
    return ", ".join(sorted(KINDS))


def _check(choice: Choice, catalog: Catalog) -> None:
    if bool(choice.of) == bool(choice.id) or (choice.of and (choice.type or choice.live)):
        raise Unusable("a choice names one object, or one class of conflicts")
    if choice.type:
        catalog.get(choice.type)
    if choice.of and choice.of not in KINDS and all(choice.of != spec.name for spec in catalog.types):
        raise Unusable(f"{choice.of!r} is no class of conflicts", hint=f"a type, or one of {_known()}")


# --- giving a value up


def given_up(key: MatchKey, value: Json, values: frozenset[str], object_id: str) -> Json:
    """What an object has of a key once it has given `values` (lower case) of it up: another text of its own, or the
    list without them. The same object always gets the same one."""
    if isinstance(value, list):
        return [one for one in value if not (isinstance(one, str) and one.casefold() in values)]
    assert isinstance(value, str)
    mark = hashlib.sha256(object_id.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    if key.yields is Yields.LOCAL_PART:
        local, _, domain = value.rpartition("@")
        return f"{local[:_LOCAL_LENGTH]}.hf-{mark}@{domain}"
    return f"{value[:_TEXT_LENGTH]}-hf-{mark}"


# --- what is open


def by_name_only(spec: ObjectType, *items: JsonObject) -> bool:
    """Whether nobody is taken for a successor here but by both names."""
    rule = spec.adopted_by_name
    return any(holds(rule, item) for item in items) if isinstance(rule, Condition) else rule


def why_not_adopted(spec: ObjectType, live_type: str, known: bool, vouched: str) -> str:
    """ "" where the live object may be taken for the missing one. `vouched`: who knows it."""
    if live_type != spec.name:
        return f"it is no object of the type {spec.name}"
    if known:
        return "it is another object of the snapshot"
    if not vouched:
        return "nothing says what it is: Holdfast didn't make it, and no snapshot that can be read holds it"
    return ""
