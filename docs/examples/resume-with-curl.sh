#!/usr/bin/env bash
# resume-with-curl.sh TAPE URL: sends the tar stream of a tape, and goes on from the byte that the server has.
#
# The server must say the size of what it holds (Content-Length of HEAD; 404: nothing) and take a PUT with a Content-Range
# that begins there. A tape plays the same bytes each time, so nothing in front of that byte is read or sent again.
# Exit code 0: the server says that it holds the whole stream. Anything else: call it again.
set -euo pipefail
tape=$1 url=$2

# Any answer but 200 with a size, and 404, says nothing of what the server holds.
held() {
  curl -sSI "$url" | tr -d '\r' | awk '
    /^HTTP\// { code = $2; size = "" }
    tolower($1) == "content-length:" { size = $2 }
    END {
      if (code == 404) size = 0
      else if (code != 200 || size !~ /^[0-9]+$/) { print "HEAD: answer " code ", no size" > "/dev/stderr"; exit 1 }
      print size
    }'
}

size=$(ragtape --json info "$tape" | sed -n 's/.*"tape_size":\([0-9]*\).*/\1/p')
begin=$(held)
if ((begin < size)); then
  # When play fails, curl ends the body as if it were whole: pipefail tells.
  ragtape play "$tape" --offset "$begin" |
    curl -sSf -T - -H "Content-Range: bytes $begin-$((size - 1))/$size" "$url"
fi
end=$(held)
if ((end != size)); then
  echo "the server holds $end bytes, the stream has $size" >&2
  exit 1
fi
