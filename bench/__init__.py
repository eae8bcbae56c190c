"""Measurements. Each prints one JSON object a line; none is part of the tests."""
