"""Delivers events to their destinations: webhooks and files."""
