"""The two request protocols of the server.

predict       `/predict`: records, columns or instances
v2            the Open Inference Protocol V2
v2_binary     its binary extension
tensors       decode and check the values of a request
nested_lists  nested JSON lists as flat lists with a shape
"""
