#!/bin/bash
# As the real image: redis-server as the user redis, to which the folder of its data belongs.
set -euo pipefail
if [ "$(id -u)" = 0 ]; then
    chown -R redis /data
    exec setpriv --reuid=redis --regid=redis --clear-groups "$0" "$@"
fi
exec "$@"
