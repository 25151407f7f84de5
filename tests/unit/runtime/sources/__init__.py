"""Models are fetched from web servers, stores, volumes and registries."""
