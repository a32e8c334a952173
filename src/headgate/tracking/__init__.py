"""The tracking HTTP API, compatible with the official SDKs (SPEC 8)."""
