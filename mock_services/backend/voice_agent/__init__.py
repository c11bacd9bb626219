"""The voice agent: a call's media stream on one side, Deepgram's agent on the other."""
