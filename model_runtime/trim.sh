#!/bin/sh
# Leaves in /opt/venv what serving needs: no tests, no caches; and adds bytecode that never looks at its source.
set -eu
find /opt/venv -type d -name __pycache__ -prune -exec rm -rf {} +
find /opt/venv -type f -path '*/tests/*' -name 'test_*' -delete
find /opt/venv -type d \( -path '*/tests/data' -o -path '*/sklearn/datasets/images' \) -prune -exec rm -rf {} +
find /opt/venv -type f \( -name '*.pyi' -o -name '*.pxd' -o -name '*.a' \) -delete
python3 -m compileall -q -j 0 --invalidation-mode unchecked-hash /opt/venv/lib || true
rm -rf /root/.cache /tmp/pip-*
