"""The model server: one process, one BentoML service, one model.

process          the life of the process: listen, load, warm up, serve, drain, exit
startup          load and warm up the model, and build the application
model_location   where the files of the model are: in the image, or in a folder
warmup           answer the example the way requests are answered
type_trial       decide the types of the inputs, from the model, its example, and by asking it
loading          from files to a model with its protocols and executor
uvicorn_server   the HTTP server: uvicorn on uvloop and httptools
connection       one client connection: limited in size, time and age
edge             the outermost application: server state, request ids, known paths
bento_service    the BentoML service and its documents
bento_internals  everything that is used of BentoML beyond its public API
routes           the paths, and the fast path to the model's own
handlers         the handlers of the routes: from bytes to bytes
body             a request body, read within limits
protocols/       `/predict` and the Open Inference Protocol V2
openapi          JSON schemas and OpenAPI, from the signature
executor         run predictions: concurrency, timeouts, on the event loop or in threads
errors           why a request is rejected: one class for each status
"""
