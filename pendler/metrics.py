"""What a process counts, for `/metrics`. Never an address, a key or a query text as a label."""

from prometheus_client import Counter, Gauge, Histogram

HANDLED = Counter("pendler_handled", "Records handled.", ["group", "topic"])
ASIDE = Counter("pendler_set_aside", "Records set aside.", ["group", "topic", "stage"])
LAG = Gauge("pendler_lag", "Records not yet committed.", ["group", "topic"])
OLDEST = Gauge("pendler_oldest_pending_seconds", "How long the oldest of them has waited.", ["group", "topic"])
FRESHNESS = Histogram(
    "pendler_freshness_seconds",
    "From accepting a record until its vacancy can be found.",
    buckets=(0.5, 1, 2, 3, 5, 10, 30, 60, 300, 900, 3600),
)
UNACCOUNTED = Gauge("pendler_unaccounted", "What the last audit could not account for; must be 0.")
OUTCOMES = Counter("pendler_records", "Records settled.", ["source", "outcome"])
MAILS = Counter("pendler_mails", "Mails by what became of them.", ["state"])
WAITING = Gauge(
    "pendler_waiting",
    "1 while a group waits for an engine; `mails`: for the relay.",
    ["group", "topic"],
)
REPAIRED = Counter("pendler_index_repaired", "Vacancies put right in the index, by what was wrong.", ["kind"])
