#!/bin/sh
# resume-with-curl.sh TAPE URL: sends the tar stream of a tape, and goes on from the byte that the server has.
#
# The server must say the size of what it holds (Content-Length of HEAD; 404: nothing) and take a PUT with a Content-Range
# that begins there. A tape plays the same bytes each time, so nothing in front of that byte is read or sent again.
set -eu
tape=$1 url=$2
size=$(ragtape --json info "$tape" | sed -n 's/.*"tape_size":\([0-9]*\).*/\1/p')
held=$(curl -sI "$url" | tr -d '\r' | awk 'NR == 1 && $2 != 200 { exit } tolower($1) == "content-length:" { print $2 }')
held=${held:-0}
[ "$held" -lt "$size" ] || exit 0
ragtape play "$tape" --offset "$held" |
  curl -sf -T - -H "Content-Range: bytes $held-$((size - 1))/$size" "$url"
