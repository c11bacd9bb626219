"""Serve the Stripe stub alone: `python -m mock_services.stripe --port 8024`."""

from mock_services.core.serve import main
from mock_services.stripe.app import build

if __name__ == "__main__":
    main("stripe", 8024, build)
