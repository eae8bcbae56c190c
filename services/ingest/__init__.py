"""Ingest: national feeds and pushes in, `vacancy.normalised` out."""
