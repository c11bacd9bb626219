"""The vendors that the backend calls, one client each."""
