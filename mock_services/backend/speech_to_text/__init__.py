"""Speech to text: live over sockets, and of files, both through Deepgram."""
