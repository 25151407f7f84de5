"""The program of the build Job: it turns the files of a model into an image that serves them.

run             the phases in order, and the report at the end
folders         the folders and files of the build's pod
report          the report: failures and bugs, and the duration of each phase
existing_image  look up the image in the registry, and skip the build when it is there
model_digest    one digest for all files of the model
trial_runner    load the model and call it with its example, in a process of its own (trial is that process)
bento           a Bento around the model
image_content   the files that enter the image
logs            JSON lines on stdout, and the last lines for the report
redaction       no secrets in logs and messages
"""
