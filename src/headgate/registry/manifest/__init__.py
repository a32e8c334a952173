"""`headgate.toml`: a workspace as a file. Read, compared with the registry, carried out; and written back."""
