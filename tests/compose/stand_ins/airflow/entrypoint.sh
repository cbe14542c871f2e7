#!/bin/bash
# What the real image's entrypoint does with its arguments: wait for the database, then bash, python or airflow.
set -euo pipefail
umask 0002
for attempt in $(seq 20); do
    if airflow db check > /tmp/check.log 2>&1; then break; fi
    if [ "$attempt" = 20 ]; then cat /tmp/check.log; exit 1; fi
    sleep 3
done
case "${1:-}" in
    bash | python) exec "$@" ;;
    airflow) exec "$@" ;;
    *) exec airflow "$@" ;;
esac
