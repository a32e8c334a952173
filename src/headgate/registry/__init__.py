"""Who may send, where events go and what runs on the way: workspaces, sources, destinations, functions."""
