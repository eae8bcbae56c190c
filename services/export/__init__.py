"""Outwards: what other systems follow. Reads vacancy.matched when it is asked, and keeps no copy of it."""
