"""A client of OCI registries, and image building by appending layers: no daemon, no root.

references       parse and complete image names
credentials      logins from docker config files and basic-auth Secrets
responses        responses, read within a size limit
errors           what a status or a broken connection means
auth             from a `WWW-Authenticate` challenge to an `Authorization` header
transport        HTTP requests: authentication, redirects, retries
client           manifests and blobs: read, look up, mount, upload, download
uploads          one blob: in chunks that can be resumed
manifest_checks  validate manifests before their content is used
blobs            content with a known digest that can be read from any offset
layers           folders as reproducible layers
image_builder    a new image from a runtime image and layers, for every platform
tls              trusted certificate authorities
"""
