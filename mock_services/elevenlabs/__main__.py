"""Serve the ElevenLabs stub alone: `python -m mock_services.elevenlabs --port 8022`."""

from mock_services.core.serve import main
from mock_services.elevenlabs.app import build

if __name__ == "__main__":
    main("elevenlabs", 8022, build)
