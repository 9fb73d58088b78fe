#!/bin/sh
# Makes the passwords of compose.yaml, each once: what is there already stays. Takes a directory, or uses secrets beside itself.
set -eu
directory=${1:-$(dirname "$0")/secrets}
mkdir -p "$directory"
chmod 700 "$directory"
for name in varve_admin varve_prometheus varve_grafana grafana_admin; do
  [ -s "$directory/$name" ] && continue
  # The users in the containers are others than the one who owns the file; the directory keeps everybody else out.
  (umask 022 && head -c 24 /dev/urandom | base64 >"$directory/$name")
done
