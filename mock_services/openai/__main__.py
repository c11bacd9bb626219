"""Serve the OpenAI stub alone: `python -m mock_services.openai --port 8023`."""

from mock_services.core.serve import main
from mock_services.openai.app import build

if __name__ == "__main__":
    main("openai", 8023, build)
