"""The API: the models of `spec` and `status`, from which the CRDs are generated.

Spec models reject unknown fields, status models ignore them. Everything here is immutable and pure.
"""
