# shellcheck shell=bash
# What the scripts share: the distribution's packages, configuring, building. To be sourced by bash.
#
# Everything here talks on stderr: stdout belongs to the program that is run at the end.
# install: yes (do not ask), no-install (refuse) or ask.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
install=${CI:+yes}
install=${install:-ask}

# Named alike by Debian 12 and 13 and Ubuntu 24.04. `a|b`: one of them is enough, the first is installed.
build_packages=(g++ cmake ninja-build 'pkg-config|pkgconf' libsqlite3-dev zlib1g-dev libdeflate-dev libxxhash-dev libssl-dev
  libcurl4-openssl-dev libexpat1-dev libfmt-dev libcli11-dev nlohmann-json3-dev libtomlplusplus-dev)
# --engine isal; the distributions have it for these only.
case $(dpkg --print-architecture 2>/dev/null) in
  amd64 | arm64) build_packages+=(libisal-dev) ;;
esac
test_packages=("${build_packages[@]}" catch2 python3 xz-utils libarchive-tools 'busybox|busybox-static' pigz 'p7zip-full|7zip' curl openssl)
# The S3 server of scripts/servers/start_rgw. Nothing of it runs unless a test starts it; not for 32 bits.
case $(dpkg --print-architecture 2>/dev/null) in
  armel | armhf | i386) ;;
  *) test_packages+=(radosgw ceph-mon ceph-osd ceph-common) ;;
esac
# More servers, which their packages start with the machine, and the clients of others. Ubuntu 24.04 has no awscli.
server_packages=(swift-proxy swift-account swift-container swift-object python3-swift memcached 'nginx-light|nginx' rclone s3cmd awscli)

say() { printf '%s\n' "$*" >&2; }

missing_packages() {
  local -A present=()
  local names name choice
  mapfile -t names < <(printf '%s\n' "$@" | tr '|' '\n')
  while read -r name; do
    present[$name]=1
  done < <(dpkg-query -W -f='${db:Status-Status} ${Package}\n' "${names[@]}" 2>/dev/null | sed -n 's/^installed //p')
  for choice; do
    for name in ${choice//|/ }; do
      [[ -z ${present[$name]:-} ]] || continue 2
    done
    printf '%s\n' "${choice%%|*}"
  done
}

# may_install MISSING...: whether these may be installed, by the user's word or answer. Sets $sudo and $line, what to type.
may_install() {
  local answer
  sudo=''
  ((EUID == 0)) || sudo=sudo
  line="${sudo:+sudo }apt-get install $*"
  say "missing packages: $*"
  if [[ $install == ask && -t 0 && -t 2 ]]; then
    read -r -p "Install them with apt-get now? [y/N] " answer || answer=''
    [[ $answer == [yY]* ]]
  else
    [[ $install == yes ]]
  fi
}

update_lists() { $sudo apt-get update >&2 || say "apt-get update failed; going on with the package lists that are there"; }

# No service is started by an installation: policy-rc.d(8) forbids it meanwhile. One that is there stays as it is.
# shellcheck disable=SC2016 # the inner shell expands it
apt_install() {
  if ! $sudo env DEBIAN_FRONTEND=noninteractive sh -c '
    policy=/usr/sbin/policy-rc.d mark="# of the scripts of ragtape, while they install packages"
    trap "! grep -qsxF \"$mark\" $policy || rm -f $policy" EXIT
    trap "exit 1" HUP INT TERM
    (set -C && printf "#!/bin/sh\n%s\nexit 101\n" "$mark" >$policy && chmod 0755 $policy) 2>/dev/null
    apt-get install -y --no-install-recommends "$@"' sh "$@" >&2; then
    say "apt-get could not install the packages; the line was"
    say "    $line"
    exit 1
  fi
}

# Leaves with 2 and the line to type when packages are missing and may not or cannot be installed.
ensure_packages() {
  local missing sudo line
  if ! command -v dpkg-query >/dev/null; then
    say "dpkg-query was not found, so packages are not checked; this needs what Debian calls: $*"
    return 0
  fi
  mapfile -t missing < <(missing_packages "$@")
  ((${#missing[@]})) || return 0
  if ! may_install "${missing[@]}"; then
    say "Run this again with --yes, or after"
    say "    $line"
    exit 2
  fi
  if [[ $sudo ]] && ! command -v sudo >/dev/null; then
    say "there is no sudo here: as root, type"
    say "    apt-get install ${missing[*]}"
    exit 2
  fi
  update_lists
  apt_install "${missing[@]}"
}

# offer_server_packages: the tests that need one which is not wanted, or that the distribution does not have, skip.
offer_server_packages() {
  local missing sudo line name had=()
  command -v dpkg-query >/dev/null || return 0
  mapfile -t missing < <(missing_packages "${server_packages[@]}")
  ((${#missing[@]})) || return 0
  say "Some tests use servers and clients of others. Of these packages swift, memcached and nginx start with the machine, too."
  if ! may_install "${missing[@]}" || { [[ $sudo ]] && ! command -v sudo >/dev/null; }; then
    say "Going on without them; what needs one says so and is skipped."
    return 0
  fi
  update_lists
  for name in "${missing[@]}"; do
    if [[ $(apt-cache show "$name" 2>/dev/null) ]]; then
      had+=("$name")
    else
      say "this distribution has no package $name; what needs it is skipped"
    fi
  done
  ((${#had[@]} == 0)) || apt_install "${had[@]}"
}

# What the preset asan is built with.
ensure_clang() {
  ensure_packages clang
  local version
  version=$(clang -dumpversion)
  ensure_packages "libclang-rt-${version%%.*}-dev"
}

# A build folder that was copied along with its checkout builds the checkout that it came from.
configured_here() {
  [[ -e $1/build.ninja ]] && grep -qxF "CMAKE_HOME_DIRECTORY:INTERNAL=$root" "$1/CMakeCache.txt"
}

configure() {
  local preset=$1
  shift
  if ! configured_here "build/$preset"; then
    cmake --fresh --preset "$preset" "$@"
  elif [[ ${CI:-} ]]; then
    cmake --preset "$preset" "$@"
  fi
}

compile() {
  [[ $(cmake --build --preset "$1" -- -n 2>&1) == *'no work to do'* ]] || cmake --build --preset "$1"
}

# build PRESET [CMAKE ARGUMENT...]: the arguments count only where build/PRESET is not configured yet, or CI is set.
build() {
  local folder=$root/build/$1
  if ! mkdir -p "$folder" 2>/dev/null || [[ ! -w $folder ]]; then
    say "cannot write in $folder: the build goes into the checkout."
    say "Take a copy of the checkout that belongs to you, or, when another user has built here, remove $root/build."
    exit 2
  fi
  # The lock: ninja does not stand two of itself in one folder.
  if ! (cd "$root" && flock 9 && configure "$@" && compile "$1") 9>"$folder/.lock" >&2; then
    say "the build of $folder failed; its messages are above"
    exit 1
  fi
}
