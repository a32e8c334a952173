"""The configuration of workspaces: sources, destinations, functions, users and their permissions."""
