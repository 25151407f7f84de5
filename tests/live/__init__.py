"""An operator process and a user on a real API server, shared by tests and the benchmark."""
