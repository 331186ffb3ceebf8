# shellcheck shell=bash
# What the scripts of scripts/servers share. To be sourced by bash; they use nothing of setup.sh and install nothing.
#
# A server lives in a folder of its own, listens on 127.0.0.1 only, and runs on until its stop script is called:
#   DIR/server         its kind. A folder without it is somebody else's: it is neither used nor removed
#   DIR/env            how the server is reached, KEY=VALUE lines that a shell may read
#   DIR/ready          it has answered once. A folder with env and without ready was left half-made
#   DIR/run/NAME.pid   number and start time of each process, since numbers are used again
#   DIR/log/           what the processes print
# The start scripts exit with 0 when it answers, 1 when it did not start (its logs are shown), 2 for usage, 77 when
# programs are missing.

PATH=$PATH:/usr/sbin:/sbin
dir=''

say() { printf '%s\n' "$*" >&2; }

usage() {
  say "$*"
  exit 2
}

# need PROGRAM=PACKAGE...
need() {
  local pair missing=()
  for pair; do
    command -v "${pair%%=*}" >/dev/null || missing+=("${pair#*=}")
  done
  ((${#missing[@]})) || return 0
  say "missing packages: $(printf '%s\n' "${missing[@]}" | sort -u | xargs)"
  exit 77
}

# make_folder KIND DIR: sets $dir, an absolute path.
make_folder() {
  mkdir -p "$2" || exit 2
  dir=$(cd "$2" && pwd)
  if [[ ! -e $dir/server ]]; then
    [[ -z $(ls -A "$dir") ]] || usage "$dir holds other things: name a folder that is empty or not there"
    chmod 0700 "$dir"
    echo "$1" >"$dir/server"
  fi
  [[ $(<"$dir/server") == "$1" ]] || usage "$dir belongs to a server of another kind: $(<"$dir/server")"
  [[ ! -e $dir/env || -e $dir/ready ]] || usage "$dir was left half-made: stop it, then start it anew"
  mkdir -p "$dir"/{run,log}
}

# open_folder KIND DIR: the same of a folder that must be there.
open_folder() {
  [[ -e $2/server && $(<"$2/server") == "$1" ]] || usage "$2 is no folder of a server of kind $1"
  dir=$(cd "$2" && pwd)
}

# close_folder [keep]
close_folder() { [[ ${1:-} == keep ]] || rm -rf -- "$dir"; }

# free_port BASE [COUNT]: one of BASE … BASE + 2499 that nothing listens on. A server draws from ranges that do not overlap,
# below those that the kernel gives to clients.
free_port() {
  local port
  for _ in {1..200}; do
    port=$(($1 + RANDOM % ${2:-2500}))
    (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || {
      echo "$port"
      return
    }
  done
  return 1
}

# started_at PID: in ticks since boot; fails for what is gone, or a zombie that nobody waits for.
started_at() {
  local stat
  { stat=$(<"/proc/$1/stat"); } 2>/dev/null || return 1
  read -ra stat <<<"${stat##*) }" # from field 3 of proc(5) on
  [[ ${stat[0]} != [ZX] ]] && echo "${stat[19]}"
}
export -f started_at

# pid_of NAME: fails when it does not run.
pid_of() {
  local pid birth
  read -r pid birth 2>/dev/null <"$dir/run/$1.pid" && [[ $(started_at "$pid") == "$birth" ]] && echo "$pid"
}

running() { pid_of "$1" >/dev/null; }

# launch NAME COMMAND...: in a session of its own, unless it runs already.
launch() {
  local name=$1
  shift
  ! running "$name" || return 0
  rm -f "$dir/run/$name.pid"
  # shellcheck disable=SC2016 # expands in the inner shell, whose number the process keeps
  setsid -f bash -c 'echo "$$ $(started_at $$)" >"$1.new" && mv "$1.new" "$1" && exec "${@:2}"' \
    bash "$dir/run/$name.pid" "$@" >>"$dir/log/$name.log" 2>&1 </dev/null
  wait_until 10 test -e "$dir/run/$name.pid" || broken "$name was not started"
}

# end SIGNAL NAME: and SIGKILL after ten seconds.
end() {
  local pid
  pid=$(pid_of "$2") || return 0
  kill "-$1" "$pid" 2>/dev/null
  wait_until 10 gone "$2" && return
  kill -KILL "$pid" 2>/dev/null
  wait_until 10 gone "$2"
}

gone() { ! running "$1"; }

# wait_until SECONDS COMMAND...: fails when it has not succeeded by then.
wait_until() {
  local until=$((SECONDS + $1))
  shift
  until "$@"; do
    ((SECONDS < until)) || return 1
    sleep 0.02
  done
}

# listens NAME PORT: the process itself does, and no other that drew the same port.
listens() {
  local pid inode
  pid=$(pid_of "$1") || return 1
  inode=$(awk -v port="$(printf ':%04X' "$2")" '$4 == "0A" && index($2, port) { print $10; exit }' /proc/net/tcp)
  [[ $inode ]] && find "/proc/$pid/fd" -lname "socket:\[$inode\]" 2>/dev/null | grep -q .
}

# await NAME PORT [URL]: until it listens there, and URL is answered.
await() {
  local until=$((SECONDS + 60))
  until listens "$1" "$2" && { [[ -z ${3:-} ]] || curl -sk -o /dev/null --max-time 10 "$3"; }; do
    running "$1" || broken "$1 has ended"
    ((SECONDS < until)) || broken "$1 does not answer"
    sleep 0.02
  done
}

# broken WHY: with the end of each log.
broken() {
  say "$(<"$dir/server") did not start: $1"
  tail -n 8 "$dir"/log/*.log >&2 || true
  exit 1
}

# make_certificate: of a private authority, DIR/ca.crt, one for localhost and 127.0.0.1, DIR/tls.crt and DIR/tls.key.
make_certificate() {
  local key=(-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes)
  cat >"$dir/tls.conf" <<CONF
[req]
distinguished_name = name
[name]
[ca]
basicConstraints = critical, CA:true
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[server]
basicConstraints = critical, CA:false
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectKeyIdentifier = hash
subjectAltName = DNS:localhost, IP:127.0.0.1
CONF
  {
    openssl req -config "$dir/tls.conf" -x509 -days 3650 "${key[@]}" -extensions ca -subj '/CN=authority of a test server' \
      -keyout "$dir/ca.key" -out "$dir/ca.crt"
    openssl req -config "$dir/tls.conf" "${key[@]}" -subj /CN=localhost -keyout "$dir/tls.key" -out "$dir/tls.csr"
    openssl x509 -req -in "$dir/tls.csr" -CA "$dir/ca.crt" -CAkey "$dir/ca.key" -CAcreateserial -days 3650 \
      -extfile "$dir/tls.conf" -extensions server -out "$dir/tls.crt"
  } >"$dir/log/openssl.log" 2>&1 || broken "openssl made no certificate"
}

# random_hex BYTES
random_hex() { od -An -tx1 -N "$1" /dev/urandom | tr -d ' \n'; }
