"""Faults, latency and limits that are put upon a double from outside: as data, by a seed, at stated times."""
