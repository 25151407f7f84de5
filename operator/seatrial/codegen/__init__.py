"""Generators of the CRDs, the field reference and the phase diagram. Not part of the image."""
