"""One file a feed. A new file with a `FEED` is a new feed; see `services/ingest/feed.py`."""
