"""Speech, made by ElevenLabs."""
