"""Reports a decision: status, conditions, messages, Events. Pure."""
