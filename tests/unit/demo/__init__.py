"""The demo on a cluster of the user's, as far as it can be seen without one."""
