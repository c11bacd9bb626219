"""The calendar area: events, who attends them, and the invitations that go out."""
