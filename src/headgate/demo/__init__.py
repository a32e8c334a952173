"""A shop whose visitors send events, to see the service at work."""
