"""What users write and read back: parsed, refused, remembered, and turned into CRDs."""
