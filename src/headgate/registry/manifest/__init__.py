"""`headgate.toml`, a workspace as a file: reads it, compares it with the registry, applies it, and exports it."""
