"""A stub of Stripe's API: a test account whose customers, subscriptions and invoices live in memory."""
