#!/bin/sh
# Makes the users that Prometheus and Grafana come as, with the passwords that are in files of $SECRETS, and what each may do.
# Talks to the server at $VARVE_URL as its administrator. Can be run again: passwords are then set anew.
set -eu
VARVE_USERNAME=admin
VARVE_PASSWORD=$(cat "$SECRETS/varve_admin")
export VARVE_USERNAME VARVE_PASSWORD

users=$(varve user list)
for name in prometheus grafana; do
  if echo "$users" | grep -qw "$name"; then verb=password; else verb=create; fi
  varve user "$verb" "$name" <"$SECRETS/varve_$name"
done

databases=$(varve db list)
for database in prometheus telegraf; do
  echo "$databases" | grep -qw "$database" || varve db create "$database"
done

varve user grant prometheus prometheus write
for database in prometheus telegraf _internal; do
  varve user grant grafana "$database" read
done
