"""The model server: one process, one BentoML service, one model that answers.

process     the life of the process: listen, load, warm up, serve, drain, leave
front       what every request meets first: states, request ids, known paths, ends of connections
service     the BentoML service, its metrics and its documents
routes      the answers: /predict in the model's own words, /v2 in the Open Inference Protocol
words, v2   the two languages; values and binary are the letters they share
engine      the model: how many at once, how long, on the loop or in a thread
"""
