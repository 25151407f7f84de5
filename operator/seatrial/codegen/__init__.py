"""Generates the CRDs, the field reference and the diagram from the code. Not part of the image."""
