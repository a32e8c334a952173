"""Takes each event of each destination from acceptance to its outcome (SPEC 1.4)."""
