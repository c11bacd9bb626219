"""Telephone calls: an organisation's number, Twilio's webhooks, and the calls with what was said in them."""
