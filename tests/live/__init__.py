"""An operator's process on a real API server, and the hands of its users: what tests and the benchmark share."""
