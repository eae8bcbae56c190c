"""Creates the topics on Kafka, as `schemas.event` says they are kept. Nothing else ever creates one."""

from collections.abc import Collection, Mapping

from kafka import KafkaAdminClient

from pendler.bus import dead_topic
from schemas.event import EVENTS, Topic

DAY = 86_400_000
DEAD_DAYS = 30
TOMBSTONE_DAYS = 30
LARGEST = 8 * 1024 * 1024
EXISTS = 36
Plan = dict[str, dict[str, object]]


def ensure_topics(bootstrap: str, groups: Mapping[str, Collection[str]], replication: int = 1) -> list[str]:
    """Creates what is missing: a topic for each event, and one for the dead letters of each group reading it.

    `groups` are the names of the services that read each topic. A topic that exists is left as it is. Gives back
    the names of those created.

    Raises:
        RuntimeError: the broker refused to create one; says why.
    """
    admin = KafkaAdminClient(bootstrap_servers=bootstrap.split(","))
    try:
        there = set(admin.list_topics())
        missing = {name: how for name, how in plan(groups, replication).items() if name not in there}
        return _create(admin, missing) if missing else []
    finally:
        admin.close()


def plan(groups: Mapping[str, Collection[str]], replication: int) -> Plan:
    """All topics, with the partitions, copies and settings that each should have."""
    topics = [event.topic for event in EVENTS.values()]
    dead = [dead_topic(topic, group) for topic in groups for group in groups.get(topic, ())]
    wanted = topics + [Topic(name, owner="", retention_days=DEAD_DAYS, partitions=1) for name in dead]
    return {
        topic.name: {
            "num_partitions": topic.partitions,
            "replication_factor": replication,
            "configs": settings(topic, replication),
        }
        for topic in wanted
    }


def settings(topic: Topic, replication: int) -> dict[str, str]:
    """The settings of one topic. A write counts once all copies but one have it."""
    shared = {"max.message.bytes": str(LARGEST), "min.insync.replicas": str(max(1, replication - 1))}
    if topic.retention_days is not None:
        return shared | {"cleanup.policy": "delete", "retention.ms": str(topic.retention_days * DAY)}
    # A closed vacancy's text and contacts are gone from the log half a day to a day after its stub is written.
    return shared | {
        "cleanup.policy": "compact",
        "segment.ms": str(DAY // 2),
        "max.compaction.lag.ms": str(DAY // 2),
        "delete.retention.ms": str(TOMBSTONE_DAYS * DAY),
    }


def _create(admin: KafkaAdminClient, missing: Plan) -> list[str]:
    made = admin.create_topics(missing, raise_errors=False)["topics"]
    if refused := {each["name"]: each["error_message"] for each in made if each["error_code"] not in (0, EXISTS)}:
        raise RuntimeError(f"topics not created: {refused}")
    admin.wait_for_topics(list(missing))
    return [each["name"] for each in made if each["error_code"] == 0]
