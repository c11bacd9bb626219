"""The Twilio double: numbers and calls over Twilio's REST, signed webhooks, TwiML, and Media Streams at scale."""
