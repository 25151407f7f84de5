"""The commands `seatrial` and `kubectl seatrial`: what would happen, offline, and what a person decides."""
