"""A prediction over HTTP equals the framework's own prediction in the training process, or it is a 400.

columns        kinds of columns, as training had them and as requests have them
asking         every way to ask: three forms of /predict, V2 in JSON, V2 in bytes
"""
