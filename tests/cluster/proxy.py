"""Where the node's kube-proxy leads connections to, read from its rules: it hears of pods later than anybody else."""

import re


def endpoints_of(rules: str, namespace: str, service: str) -> set[str]:
    """The `address:port`s among which the rules (as of `iptables-save -t nat`) share out the Service's connections."""
    named = re.escape(f"{namespace}/{service}")
    # a Service's port may have a name, or none
    rule = re.compile(rf'^-A KUBE-SVC-\S+ .*--comment "{named}(?::[^" ]+)? -> ([^" ]+)"', re.MULTILINE)
    return set(rule.findall(rules))
