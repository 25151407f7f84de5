"""The only package that talks to an API server: client, informers, queue, lease, fake server."""
