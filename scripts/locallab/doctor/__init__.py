"""What can be known before a run begins: small checks, one subject a module, each saying what to do."""
