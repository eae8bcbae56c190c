"""The runtime that all services stand on."""
