"""What a process counts, for `/metrics`. Never an address, a key or a query text as a label."""

from prometheus_client import Counter, Gauge

HANDLED = Counter("pendler_handled", "Records handled.", ["group", "topic"])
ASIDE = Counter("pendler_set_aside", "Records set aside.", ["group", "topic", "stage"])
LAG = Gauge("pendler_lag", "Records not yet committed.", ["group", "topic"])
OUTCOMES = Counter("pendler_records", "Records settled.", ["source", "outcome"])
MAILS = Counter("pendler_mails", "Mails by what became of them.", ["state"])
WAITING = Gauge("pendler_waiting", "1 while a group waits for an engine that is away.", ["group", "topic"])
