"""What stands around a server that is measured: who sends, who receives, and the server as a process."""
