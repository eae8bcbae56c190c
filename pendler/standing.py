"""Where each service stands on each topic it reads: how much waits for it, and since when."""

from collections.abc import Sequence
from dataclasses import dataclass

from pendler.bus import Bus
from pendler.service import Service


@dataclass(frozen=True)
class Standing:
    """One group on one topic. `oldest` is when the first record that waits was written, in seconds since 1970."""

    group: str
    topic: str
    lag: int
    oldest: float | None = None

    def waits(self, now: float) -> float | None:
        """Seconds that the oldest has waited; None where nothing does."""
        return None if self.oldest is None else max(0.0, round(now - self.oldest, 1))


async def standings(services: Sequence[Service], bus: Bus) -> list[Standing]:
    """Every service on every topic it reads."""
    pairs = [(service.name, event.topic.name) for service in services for event in service.handlers]
    return [await _standing(bus, group, topic) for group, topic in pairs]


async def _standing(bus: Bus, group: str, topic: str) -> Standing:
    lag = await bus.lag(group, topic)
    if lag:
        async for record in bus.scan(topic, past=group):
            return Standing(group, topic, lag, record.at)
    return Standing(group, topic, lag)
