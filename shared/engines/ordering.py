"""Drafts put in order: waves, levels, steps of at most 20, gates.

References decide the order, waves only the priority: what others refer to is pulled into their wave, and a
draft is never before what it waits for. A step holds drafts of one API version and throttle class, of which no
two share a lock. A gate is a step without operations, so that a hundred steps can wait for a hundred others
with two hundred edges.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from shared.domain.errors import Fault
from shared.domain.objects import ObjectKey
from shared.domain.plan import Mechanism, Operation, Step
from shared.engines.drafts import Draft, Phase

STEP_LIMIT: Final = 20

_PHASES: Final = {
    Phase.SHELL: "objects back",
    Phase.PATCH: "changes back",
    Phase.LINK: "links back",
    Phase.FINISH: "finishing",
    Phase.ENABLE: "enabling",
    Phase.REMOVE: "what was added goes",
}


@dataclass(frozen=True, slots=True, order=True)
class _Place:
    wave: int
    phase: Phase
    level: int


@dataclass(slots=True)
class _Node:
    draft: Draft
    after: list[int]
    wave: int
    place: _Place | None = None


def order(drafts: Sequence[Draft]) -> tuple[Step, ...]:
    """Steps in running order. Deterministic: the order of `drafts` doesn't matter."""
    ordered = sorted(drafts, key=_sort_key)
    nodes = _nodes(ordered)
    topological = _topological(nodes)
    _pull(nodes, topological)
    _place(nodes, topological)
    return _steps(nodes)


def _sort_key(draft: Draft) -> tuple[int, str, Phase, str, str]:
    operation = draft.operation
    return (
        draft.spec.wave if draft.wave is None else draft.wave,
        draft.spec.name,
        draft.phase,
        operation.target,
        operation.id,
    )


# --- what waits for what


def _nodes(drafts: list[Draft]) -> list[_Node]:
    settled: dict[ObjectKey, list[int]] = {}
    whole: dict[ObjectKey, list[int]] = {}
    every: dict[ObjectKey, list[int]] = {}
    touching: dict[ObjectKey, list[int]] = {}  # whatever writes to an object, but for what seals
    for at, draft in enumerate(drafts):
        mechanism = draft.operation.mechanism
        if not draft.seals:
            touching.setdefault(draft.key, []).append(at)
        if draft.brings or draft.settles:
            settled.setdefault(draft.key, []).append(at)
        if not (mechanism.links or mechanism is Mechanism.ENABLE):
            whole.setdefault(draft.key, []).append(at)
        if draft.membership or not (mechanism.links or mechanism is Mechanism.ENABLE):
            every.setdefault(draft.key, []).append(at)
    nodes = []
    for at, draft in enumerate(drafts):
        after: set[int] = set()
        for keys, index in (
            (draft.needs, settled),
            (draft.needs_whole, whole),
            (draft.needs_all, every),
            (draft.seals, touching),
        ):
            for key in keys:
                after.update(index.get(key, ()))
        if not draft.brings:
            after.update(one for one in settled.get(draft.key, ()) if drafts[one].brings)
        after.discard(at)
        nodes.append(_Node(draft, sorted(after), draft.at_wave))
    return nodes


def _topological(nodes: list[_Node]) -> list[int]:
    waiting = [len(node.after) for node in nodes]
    followers: list[list[int]] = [[] for _ in nodes]
    for at, node in enumerate(nodes):
        for one in node.after:
            followers[one].append(at)
    ready = deque(at for at, count in enumerate(waiting) if not count)
    done: list[int] = []
    while ready:
        at = ready.popleft()
        done.append(at)
        for follower in followers[at]:
            waiting[follower] -= 1
            if not waiting[follower]:
                ready.append(follower)
    if len(done) != len(nodes):
        stuck = next(node.draft.operation for node, count in zip(nodes, waiting, strict=True) if count)
        raise Fault("operations wait for each other in a circle", object_type=stuck.type, object_id=stuck.target)
    return done


def _pull(nodes: list[_Node], topological: list[int]) -> None:
    """Gives objects the earliest wave that refers to them. What acts on sign-ins pulls nothing: it closes the
    first wave that has everything it depends on."""
    for at in reversed(topological):
        node = nodes[at]
        if node.draft.phase is Phase.ENABLE:
            continue
        for one in node.after:
            if nodes[one].draft.phase is Phase.SHELL:
                nodes[one].wave = min(nodes[one].wave, node.wave)


def _place(nodes: list[_Node], topological: list[int]) -> None:
    waves = {node.draft.key: node.wave for node in nodes if node.draft.brings}
    for at in topological:
        node = nodes[at]
        wave, phase, level = node.wave, node.draft.phase, 0
        if node.draft.operation.mechanism in (Mechanism.FINISH, Mechanism.PATCH) and phase is not Phase.ENABLE:
            wave = min(wave, waves.get(node.draft.key, wave))  # finished in the wave that it came back in
        for one in node.after:
            place = nodes[one].place
            assert place is not None
            if place.wave > wave:
                wave, phase, level = place.wave, max(node.draft.phase, place.phase), 0
            if place.wave == wave and place.phase > phase:
                phase, level = place.phase, 0
            if place.wave == wave and place.phase == phase:
                level = max(level, place.level + 1)
        node.place = _Place(wave, phase, level)


# --- steps


def _steps(nodes: list[_Node]) -> tuple[Step, ...]:
    groups: dict[_Place, list[int]] = {}
    for at, node in enumerate(nodes):
        assert node.place is not None
        groups.setdefault(node.place, []).append(at)
    gates: dict[_Place, str] = {}
    ids = [node.draft.operation.id for node in nodes]
    steps: list[Step] = []
    numbers: dict[int, int] = {}
    last: _Place | None = None

    def new_id(wave: int) -> str:
        numbers[wave] = numbers.get(wave, 0) + 1
        return f"w{wave}-{numbers[wave]:05d}"

    for place in sorted(groups):
        before = {gates[last]} if last is not None and last.wave == place.wave else set()
        held: dict[str, str] = {}  # lock → the step of this group that used it last
        made: list[str] = []
        for members in _packed(nodes, groups[place]):
            waits = set(before)
            operations: list[Operation] = []
            for at in members:
                node = nodes[at]
                for one in node.after:
                    other = nodes[one].place
                    assert other is not None
                    if other.wave != place.wave:
                        waits.add(gates[other])
                if node.draft.lock in held:
                    waits.add(held[node.draft.lock])
                after = tuple(sorted(ids[one] for one in node.after))
                operations.append(replace(node.draft.operation, after=after) if after else node.draft.operation)
            step_id = new_id(place.wave)
            for at in members:
                held[nodes[at].draft.lock] = step_id
            made.append(step_id)
            title = _title(place.phase, (nodes[at].draft for at in members))
            steps.append(Step(step_id, place.wave, title, tuple(sorted(waits)), tuple(operations)))
        if len(made) == 1:
            gates[place] = made[0]
        else:
            gates[place] = new_id(place.wave)
            steps.append(Step(gates[place], place.wave, f"{_PHASES[place.phase]}: done", tuple(made), ()))
        last = place
    return tuple(steps)


def _title(phase: Phase, drafts: Iterable[Draft]) -> str:
    titles = dict.fromkeys(draft.spec.title for draft in drafts)
    return f"{_PHASES[phase]}: {', '.join(titles)}"


def _packed(nodes: list[_Node], members: list[int]) -> Iterable[list[int]]:
    """Steps of up to 20, one version and throttle class each. Objects with the most left to do come first, so
    that one with many operations doesn't end up alone in as many steps at the end."""
    classes: dict[tuple[str, str], dict[str, deque[int]]] = {}
    for at in members:
        draft = nodes[at].draft
        locks = classes.setdefault((draft.operation.request.throttle, draft.version), {})
        locks.setdefault(draft.lock, deque()).append(at)
    for name in sorted(classes):
        locks = classes[name]
        heap = [(-len(queue), queue[0], lock) for lock, queue in locks.items()]
        heapq.heapify(heap)
        while heap:
            taken = [heapq.heappop(heap) for _ in range(min(STEP_LIMIT, len(heap)))]
            step = []
            for _, _, lock in taken:
                step.append(locks[lock].popleft())
                if queue := locks[lock]:
                    heapq.heappush(heap, (-len(queue), queue[0], lock))
            yield sorted(step)
