"""What a message of `restore-steps` leads to: the step is run, and whatever follows is sent.

What must stay true: all of it is sent before the message may go, so that dying anywhere repeats it; and once it is
on record that it was sent, no copy of the message sends it again. Only runs that are under way at the same time can
both send, so that copies are as many as workers at most, however many steps one waits for.
"""

from __future__ import annotations

from collections.abc import Callable

from shared.domain.ports import WorkQueue
from shared.engines.executor import Executor, StepEnd, StepResult
from shared.engines.restore_requests import StepMessage, step_message, verify_message


async def run_message(
    executor: Executor,
    message: StepMessage,
    *,
    steps: WorkQueue,
    verify: WorkQueue,
    delay: Callable[[float], float] = lambda seconds: seconds,
) -> StepResult:
    """`delay` turns seconds of Holdfast's clock into those of the queue."""
    plan, step = message.plan, message.step
    result = await executor.run_step(plan, step)
    if result.end is StepEnd.REQUEUE:
        await steps.send(step_message(plan, step), delay=delay(result.delay))
    if result.end is StepEnd.DONE and not result.followed:
        for name in result.ready:
            await steps.send(step_message(plan, name))
        if result.all_done:
            await verify.send(verify_message(plan))
        await executor.follow(plan, step)
    return result
