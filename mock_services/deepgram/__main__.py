"""Serve the Deepgram stub alone: `python -m mock_services.deepgram --port 8021`."""

from mock_services.core.serve import main
from mock_services.deepgram.app import build

if __name__ == "__main__":
    main("deepgram", 8021, build)
