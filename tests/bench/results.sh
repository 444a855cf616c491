#!/usr/bin/env bash
# The arithmetic behind ./dev bench; speed decides nothing.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

command -v python3 >/dev/null || { echo "results: skipped, python3 is missing"; exit 77; }
PYTHONDONTWRITEBYTECODE=1 exec python3 test_results.py
