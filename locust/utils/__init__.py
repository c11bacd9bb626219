"""What scenarios share: accounts and tokens, and the data that they send."""
