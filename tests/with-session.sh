#!/usr/bin/env bash
# tests/with-session.sh COMMAND...: runs COMMAND as in a fresh desktop session: a home folder, a session bus, a display
# and an unlocked keychain of its own. Ends everything it started, and returns COMMAND's exit code.
set -euo pipefail

[ $# -gt 0 ] || { echo "usage: tests/with-session.sh COMMAND..." >&2; exit 2; }
# Inside one already.
[ -z "${TANDEM_SESSION:-}" ] || exec "$@"

for tool in dbus-daemon dbus-send Xvfb gnome-keyring-daemon setpriv; do
  command -v "$tool" > /dev/null || { echo "with-session: $tool is not installed: run script/bootstrap" >&2; exit 1; }
done

# Rust's own folders stay where they are: without them rustup has no toolchain and cargo downloads everything again.
export CARGO_HOME="${CARGO_HOME:-$HOME/.cargo}" RUSTUP_HOME="${RUSTUP_HOME:-$HOME/.rustup}"
session=$(mktemp -d "${TMPDIR:-/tmp}/tandem-session.XXXXXX")
started=()
cleanup() {
  local pid
  for pid in ${started[@]+"${started[@]}"}; do kill "$pid" 2> /dev/null || true; done
  # Services that the bus started may still write while they end.
  for _ in 1 2 3 4 5 6 7 8 9 10; do rm -rf "$session" 2> /dev/null && break; sleep 0.1; done
}
# Also runs when a signal ends this script. Every child is bound to this script as well: the kernel ends it when the
# script is killed and cannot clean up.
trap cleanup EXIT
bound=(setpriv --pdeathsig TERM)
fail() { echo "with-session: $1:" >&2; cat "$session/$2.log" >&2; exit 1; }
# One line from a pipe, in at most 30 seconds.
line_of() { local line; read -r -t 30 line <> "$1" && printf '%s\n' "$line"; }

export TANDEM_SESSION=1 HOME="$session/home" XDG_RUNTIME_DIR="$session/run" XDG_DATA_HOME="$session/data"
export XDG_CONFIG_HOME="$session/config" XDG_CACHE_HOME="$session/cache" XDG_STATE_HOME="$session/state"
mkdir -m 700 "$HOME" "$XDG_RUNTIME_DIR" "$XDG_DATA_HOME" "$XDG_CONFIG_HOME" "$XDG_CACHE_HOME" "$XDG_STATE_HOME"
mkfifo "$session/bus" "$session/display"

# The bus, before there is a display: a service that it starts later then cannot open a password window that nobody sees.
unset DISPLAY WAYLAND_DISPLAY XAUTHORITY DBUS_SESSION_BUS_ADDRESS GNOME_KEYRING_CONTROL
"${bound[@]}" dbus-daemon --session --nofork --nopidfile --print-address=3 3> "$session/bus" > "$session/bus.log" 2>&1 &
started+=($!)
DBUS_SESSION_BUS_ADDRESS=$(line_of "$session/bus") || fail "the session bus did not start" bus
export DBUS_SESSION_BUS_ADDRESS

# The display, on a free number, which the server tells once it is ready.
"${bound[@]}" Xvfb -displayfd 3 -screen 0 1440x1000x24 -nolisten tcp -noreset \
  3> "$session/display" > "$session/display.log" 2>&1 &
started+=($!)
number=$(line_of "$session/display") || fail "the display did not start" display

# The keychain: the login password comes on standard input; the default collection is made and opened with it. The daemon
# has been seen to crash (SIGTRAP) on a busy machine; it is then started again, with what it had stored.
keep_keychain() {
  local rc replace=''
  while :; do
    rc=0
    # shellcheck disable=SC2086 # empty or one word
    printf 'password' | "${bound[@]}" gnome-keyring-daemon --foreground $replace --unlock --components=secrets || rc=$?
    # Told to end, or ended by itself.
    [ "$rc" -gt 128 ] && [ "$rc" != 143 ] || return "$rc"
    echo "with-session: the keychain crashed ($rc) and is started again" >&2
    replace=--replace
  done
}
keep_keychain > "$session/keychain.log" 2>&1 &
keychain=$!
started+=("$keychain")
ask() { dbus-send --session --print-reply=literal "$@" 2> /dev/null || true; }
locked=''
for _ in $(seq 200); do
  # Asking the keychain before it is there would make the bus start a second one.
  case "$(ask --dest=org.freedesktop.DBus / org.freedesktop.DBus.NameHasOwner string:org.freedesktop.secrets)" in *true*)
    locked=$(ask --dest=org.freedesktop.secrets /org/freedesktop/secrets/aliases/default \
      org.freedesktop.DBus.Properties.Get string:org.freedesktop.Secret.Collection string:Locked) ;;
  esac
  case "$locked" in *false*) break ;; esac
  kill -0 "$keychain" 2> /dev/null || break
  sleep 0.02
done
case "$locked" in *false*) ;; *) fail "the keychain did not open" keychain ;; esac

# Software rendering, and no wait for an accessibility bus that this session does not have.
export DISPLAY=":$number" GDK_BACKEND=x11 LIBGL_ALWAYS_SOFTWARE=1 NO_AT_BRIDGE=1
rc=0
"${bound[@]}" "$@" || rc=$?
exit $rc
