"""Serve all vendors: `python -m mock_services.vendors --port 8020`."""

from mock_services.core.serve import main
from mock_services.vendors.app import build

if __name__ == "__main__":
    main("vendors", 8020, build)
