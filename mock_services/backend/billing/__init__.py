"""Subscriptions, taken out and paid through Stripe."""
