"""What users do, on a real node with real models, a real registry and real traffic."""
