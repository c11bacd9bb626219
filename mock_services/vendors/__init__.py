"""All vendors in one process, told apart as the real ones are: by host name, or by a path prefix."""
