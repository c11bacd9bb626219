"""What Twilio says on the wire, as pure state machines and functions: no sockets, no clock of their own."""
