"""What a virtual user holds in its hands: the platform's API and the phone."""
