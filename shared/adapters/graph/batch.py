"""Many independent requests through `$batch`, each with an outcome of its own.

What must stay true: an outcome of a write, once known, reaches the caller whatever happens to the rest; a
write without a clear answer has status 0 and is not sent again; what one part of a batch is told (429, 5xx)
is sent again without the parts that are done. Classes limited by request (conditional access) are sent one by
one: inside a batch their requests would all arrive in the same second. So are files that are written, as the bytes
they are.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial

from shared.adapters.graph import batch_body
from shared.adapters.graph.caller import Caller, whole_response
from shared.adapters.graph.errors import graph_error
from shared.adapters.graph.origin import version_of
from shared.adapters.graph.reply import Reply
from shared.adapters.graph.retry import Patience, is_unclear, is_write
from shared.domain.errors import AnswerLost, GraphDown, GraphError, HoldfastError
from shared.domain.ports import GraphRequest, GraphResponse
from shared.engines import rawjson

_WIDTH = 4  # batches of reads under way at once
_NOT_CARRIED_OUT = (401, 429)


def _no_answer(status: int, why: str, request_id: str = "") -> GraphResponse:
    """An answer that Graph did not give, in the form of its errors: the journal shows why."""
    body = rawjson.encode({"error": {"code": "holdfastNoAnswer", "message": why}})
    return GraphResponse(status, body, request_id)


class BatchRun:
    """One call of `Directory.batch`."""

    def __init__(self, caller: Caller, requests: Sequence[GraphRequest]) -> None:
        self._caller = caller
        self._requests = tuple(requests)
        self._found: dict[int, GraphResponse] = {}
        caller.limits.charge(self._requests)  # an unknown class or version fails before anything is sent
        for request in self._requests:
            version_of(request.path)

    async def answers(self) -> list[GraphResponse]:
        try:
            if any(is_write(request) for request in self._requests):
                for part in self._parts():
                    await part()
            else:
                await self._side_by_side()
        except HoldfastError as error:
            if not self._may_have_written():
                raise
            self._fill(error)
        return [self._found[number] for number in range(len(self._requests))]

    def _parts(self) -> list[Callable[[], Awaitable[None]]]:
        numbered = list(enumerate(self._requests))
        singly = [n for n, request in numbered if self._alone(request)]
        together = [(n, request) for n, request in numbered if n not in set(singly)]
        parts: list[Callable[[], Awaitable[None]]] = [
            partial(self._chunk, chunk) for chunk in batch_body.chunks(together)
        ]
        return [*parts, partial(self._singly, singly)]

    def _alone(self, request: GraphRequest) -> bool:
        return self._caller.limits.quota(request.throttle).by_request or (request.file and is_write(request))

    async def _side_by_side(self) -> None:
        """Reads only: the first error ends them all, and nothing is lost by that."""
        room = asyncio.Semaphore(_WIDTH)

        async def run(part: Callable[[], Awaitable[None]]) -> None:
            async with room:
                await part()

        try:
            async with asyncio.TaskGroup() as group:
                for part in self._parts():
                    group.create_task(run(part))
        except BaseExceptionGroup as errors:
            ours, others = errors.split(HoldfastError)
            if others is not None or ours is None:
                raise
            first: BaseException = ours
            while isinstance(first, BaseExceptionGroup):
                first = first.exceptions[0]
            raise first from None

    async def _singly(self, numbers: Sequence[int]) -> None:
        for number in numbers:
            request = self._requests[number]
            try:
                self._found[number] = await self._caller.ask(request, whole_response(request))
            except AnswerLost as lost:
                self._found[number] = _no_answer(0, lost.what, lost.request_id)

    async def _chunk(self, left: dict[int, GraphRequest]) -> None:
        patience = self._caller.patience()
        refused = False
        while left:
            try:
                generation, answers = await self._post(left)
                why = "the batch answer left it out"
            except AnswerLost as lost:
                generation, answers, why = -1, {}, lost.what
            again = self._sort(left, answers, why)
            unauthorized = [n for n in again if n in answers and answers[n].status == 401]
            if unauthorized and refused:
                number = unauthorized[0]
                self._found.update({n: answers[n] for n in again if n in answers})
                raise _error(left[number], answers[number])
            if unauthorized:
                refused = True
                self._caller.refuse_token(generation)
            left = {n: left[n] for n in again}
            if left:
                await self._wait(left, answers, patience)
                self._caller.count_retries(len(left))

    async def _post(self, left: Mapping[int, GraphRequest]) -> tuple[int, dict[int, GraphResponse]]:
        """The token's generation, and the answers that came."""
        version = version_of(next(iter(left.values())).path)
        outer = GraphRequest(
            "POST",
            f"/{version}/$batch",
            batch_body.payload(left, {n: self._caller.headers(request) for n, request in left.items()}),
        )

        def read(reply: Reply) -> tuple[int, dict[int, GraphResponse]]:
            if reply.status != 200:
                raise graph_error(outer.method, outer.path, reply.status, reply.body, reply.request_id)
            files = frozenset(n for n, request in left.items() if request.file)
            return reply.generation, batch_body.decode(reply.body, reply.request_id, files)

        return await self._caller.ask(outer, read, inner=list(left.values()))

    def _sort(self, left: Mapping[int, GraphRequest], answers: Mapping[int, GraphResponse], why: str) -> list[int]:
        """Keeps what is settled; returns what is to be sent again."""
        again: list[int] = []
        for number, request in left.items():
            answer = answers.get(number)
            if answer is not None:
                self._caller.heed(self._caller.limits.charge([request]), answer)
            if answer is not None and answer.status in _NOT_CARRIED_OUT:
                again.append(number)
            elif answer is not None and not is_unclear(answer.status):
                self._found[number] = answer
            elif not is_write(request):
                again.append(number)
            elif answer is None:
                self._found[number] = _no_answer(0, why)
            else:
                reason = f"Graph answered {answer.status}"
                self._found[number] = _no_answer(0, reason, answer.request_id)
        return again

    async def _wait(
        self, left: Mapping[int, GraphRequest], answers: Mapping[int, GraphResponse], patience: Patience
    ) -> None:
        """Until what is left may be sent again. Throttled classes are silenced, the rest backs off."""
        failed = {n: answers.get(n) for n in left}
        if all(answer is not None and answer.status == 401 for answer in failed.values()):
            return  # a fresh token is all it takes
        advice = {n: self._caller.advice(answer) if answer else None for n, answer in failed.items()}
        known = [seconds for seconds in advice.values() if seconds is not None]
        try:
            delay = self._caller.delay(
                patience,
                f"{len(left)} of a batch's requests got no answer",
                next(iter(left.values())),
                advised=max(known, default=None),
            )
        except GraphDown:
            self._found.update({n: answer for n, answer in failed.items() if answer is not None})
            raise
        backs_off = False
        for number, answer in failed.items():
            if answer is not None and answer.status == 429:
                charge = self._caller.limits.charge([left[number]])
                self._caller.throttle(charge, answer, advice[number] or delay)
            elif answer is None or answer.status != 401:
                backs_off = True
        if backs_off:
            await self._caller.sleep(delay)

    def _may_have_written(self) -> bool:
        return any(
            is_write(self._requests[n]) and answer.status not in _NOT_CARRIED_OUT
            for n, answer in self._found.items()
        )

    def _fill(self, error: HoldfastError) -> None:
        """Part of the run is done, and its outcomes matter more than the error. For writes that were not
        reached "unknown" is the safe word; the error itself will come back with whatever is asked next."""
        for number, request in enumerate(self._requests):
            if number not in self._found:
                status = 0 if is_write(request) else 503
                self._found[number] = _no_answer(status, error.what, error.request_id)


def _error(request: GraphRequest, answer: GraphResponse) -> GraphError:
    return graph_error(request.method, request.path, answer.status, answer.body, answer.request_id)
