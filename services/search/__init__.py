"""Search: `vacancy.matched` into the index; the search API and the pages."""
