"""What the services say to one another: the vacancy, the events about it, and a search as data."""
