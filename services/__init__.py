"""The four services. They never import one another: they meet in events and in `schemas`."""
