"""A client of OCI registries and what is needed to append layers to an image: no daemon, no root.

references   names of images, split and completed
secrets      who we are: docker's config files and basic-auth Secrets
patience     how often and how long a failing request is tried again
answers      what came back, never more of it than anything true could need
transport    one HTTP exchange with a registry, with its credentials; failures in the registry's own words
tokens       what a `WWW-Authenticate` header asks for
login        from that question to the header that answers it
client       manifests and blobs: read, look, mount, upload
uploads      one blob on its way into a registry
shapes       what manifests must look like before they are believed
blobs        content with a known digest that can be read from any offset
layers       folders as deterministic layers
images       a runtime image and layers make a new image, for every platform
"""
