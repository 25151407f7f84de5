"""The model server: one process, one BentoML service, one model that answers.

process     the life of the process: listen, load, warm up, serve, drain, leave
connection  what comes over one connection: bounded in size and time, ended at its age
front       what every request meets first: states, request ids, known paths, ends of connections
service     the BentoML service, its metrics and its documents
routes      the paths, and the short way to the model's own
answers     the model's answers: /predict in its own words, /v2 in the Open Inference Protocol
words, v2   the two languages; lists, values and v2_binary are the letters they share
engine      the model: how many at once, how long, on the loop or in a thread
"""
