"""How events reach their destinations: webhooks and sinks."""
