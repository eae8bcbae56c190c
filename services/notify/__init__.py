"""Notify: `vacancy.matched` into alerts; subscriptions; mail."""
