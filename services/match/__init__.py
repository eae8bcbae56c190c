"""Match: `vacancy.normalised` in, `vacancy.matched` out."""
