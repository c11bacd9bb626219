"""Starts the reference backend: `python -m mock_services.backend --port 8001`."""

from mock_services.backend.app import build
from mock_services.core.serve import main

main("backend", 8001, build)
