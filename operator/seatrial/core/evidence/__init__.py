"""The statistics that judge a canary: bounds that hold at every look, however often one looks."""
