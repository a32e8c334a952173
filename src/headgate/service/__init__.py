"""The server: processes, HTTP front end, health checks, metrics, logs."""
