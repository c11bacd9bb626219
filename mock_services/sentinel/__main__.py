"""Serve the sentinel: `python -m mock_services.sentinel --port 8053`."""

from mock_services.core.serve import main
from mock_services.sentinel.app import build

if __name__ == "__main__":
    main("sentinel", 8053, build)
