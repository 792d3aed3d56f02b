"""What the lock-out guard rests on: the words in which that is declared."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Bearing:
    """How objects of a type bear on whether the break-glass accounts get in.

    `fact`: what the guard knows them as, a member of its facts; `inside`: as items of this list within an object of
    it. `links`: relationships that count, and `unsettling`: members whose change leaves open who is linked by
    them. Only some objects count: `accounts`: those that are the accounts; `named`: those that a policy, a method
    or a role names, or that lie within one; `about`: those whose member of this name is an account or a group.
    `at_once`: one that is made counts by itself, and not only once something names it.
    `parent_becomes`: what the fact's object that one belongs to is from then on, which is all that one does."""

    fact: str
    inside: str = ""
    links: tuple[str, ...] = ()
    unsettling: tuple[str, ...] = ()
    accounts: bool = False
    named: bool = False
    about: str = ""
    at_once: bool = False
    parent_becomes: dict[str, str] = field(default_factory=dict)
