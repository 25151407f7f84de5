"""What runs in the build Job: a model's files become an image that serves them.

run          the phases in their order, and the report at their end
places       where the pod keeps what the build needs
report       failures and bugs become the report; seconds of each phase
lookup       does the image stand in the registry already?
source/      fetch the files: s3, http(s), pvc, configmap, oci
hashing      one digest for all files
archives     unpack a model that came as one tar
proving      a process of its own loads the model and answers its example (trial is that process)
bento        a Bento around the model
packing      the files that enter the image
"""
