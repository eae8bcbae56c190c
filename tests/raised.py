"""What the processes of the tests' exchanges are born with: all that is imported, and the lexicon.

Python's search for garbage passes over it, so that a newborn does not copy what it only looks at.
"""

import gc
from importlib import import_module

from pendler.esco import lexicon
from pendler.terms import heads

IMPORTED = (
    "pendler.__main__", "pendler.processes", "pendler.web", "pendler.status", "pendler.bus.log", "pendler.bus.kafka",
    "pendler.store.sqlite", "pendler.store.mongo", "services.ingest.service", "services.ingest.api",
    "services.match.service", "services.match.matching", "services.search.service", "services.search.api",
    "services.search.pages", "services.search.index.embedded", "services.search.index.elastic",
    "services.notify.service", "services.notify.api", "services.export.api",
)  # fmt: skip

for name in IMPORTED:
    import_module(name)
heads()
for language in ("en", "nl", "da", "de", "fr", "sv", "nb"):
    lexicon().has("", language)
gc.collect()
gc.freeze()
