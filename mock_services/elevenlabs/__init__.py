"""The ElevenLabs stub: speech of the right length in the formats of the vendor, whole, streamed and over a socket."""
