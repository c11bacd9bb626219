"""What the platform's own administrators see and do."""
