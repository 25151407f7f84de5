"""A simulated cluster for `seatrial plan` and the golden tests: no I/O, a virtual clock."""
