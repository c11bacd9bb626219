"""Serve the SendGrid stub alone: `python -m mock_services.sendgrid --port 8025`."""

from mock_services.core.serve import main
from mock_services.sendgrid.app import build

if __name__ == "__main__":
    main("sendgrid", 8025, build)
