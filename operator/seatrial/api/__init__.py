"""What users write and what they read back: the typed contract, and the CRDs that are made from it.

Spec models refuse what they do not know, status models ignore it. Everything here is frozen and pure.
"""
