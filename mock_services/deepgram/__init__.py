"""A stub of Deepgram: the voice agent that the platform bridges its phone calls to, and transcription."""
