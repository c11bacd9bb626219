"""Starts the Twilio double: `python -m mock_services.twilio --port 8010`."""

from mock_services.core.serve import main
from mock_services.twilio.app import build

main("twilio", 8010, build)
