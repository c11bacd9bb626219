"""The customer relationship area: contacts, what was said with them, and the dashboard over both."""
