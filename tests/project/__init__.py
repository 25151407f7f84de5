"""The laws of the house: what every change is held to."""
