"""Deepgram's transcription, live and of files: `/v1/listen`."""
