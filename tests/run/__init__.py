"""Runs lint, types and all tests as groups side by side, and says where the time went: `make check`, `make test`."""
