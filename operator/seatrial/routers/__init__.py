"""Routers: each renders a split of traffic into objects and reads it back; none of them acts. Pure."""
