"""The server: processes, HTTP front, health, metrics, logs."""
