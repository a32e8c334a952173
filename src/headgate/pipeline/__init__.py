"""One event and one destination, from acceptance to outcome (SPEC 1.4)."""
