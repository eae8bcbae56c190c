"""What services would make of facts: the handlers are asked as the bus would ask them, and nothing comes of it."""

import asyncio
from collections.abc import Sequence

from pendler.service import Fact, Handler, Result, Service


async def rehearse(services: Sequence[Service], facts: Sequence[Fact]) -> list[Fact]:
    """What would be published of these facts, all of one kind. Nothing is published, and nothing is written.

    Each handler runs in a thread and a loop of its own, beside the process that asks: one that keeps an engine of
    its loop's cannot be rehearsed.
    """
    handlers = [service.handlers[kind] for kind in {type(fact) for fact in facts} for service in services
                if kind in service.handlers]  # fmt: skip
    results = [await asyncio.to_thread(_asked, handler, facts) for handler in handlers]
    return [event for result in results for event in result.events]


def _asked(handler: Handler, facts: Sequence[Fact]) -> Result:
    async def run() -> Result:
        return await handler.run(facts)

    return asyncio.run(run())
