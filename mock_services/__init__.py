"""The doubles: a reference backend, a Twilio double and stubs of the vendors that the platform calls."""
