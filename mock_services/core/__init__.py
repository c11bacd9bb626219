"""What every double shares: operations, the handler chain, journal, admin API, randomness, speech and serving."""
