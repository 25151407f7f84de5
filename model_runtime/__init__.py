"""What runs in the model's own pods: the build Job and the model server."""
