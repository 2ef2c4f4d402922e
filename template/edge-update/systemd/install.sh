#!/usr/bin/env bash
# Install this package and its units on this machine, and start them, as root:
#   make wheel && sudo UPDATE_FROM=https://… systemd/install.sh dist/*.whl
# Without UPDATE_FROM the device looks for no updates by itself. With DESTDIR, the units are laid into
# an image that is being built, and nothing is started.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=${DESTDIR:-}
name=$(sed -n 's/^User=//p' "$here/inference.service")
units=$root/etc/systemd/system

if [[ $# -ne 1 || ! -f $1 ]]; then
  echo "install.sh: give the wheel to install: systemd/install.sh dist/*.whl" >&2
  exit 2
fi
if [[ -z $root ]]; then
  python3 -m venv "/opt/$name"
  pip=("/opt/$name/bin/python" -m pip install --quiet --disable-pip-version-check)
  "${pip[@]}" --require-hashes -r "$here/../requirements.txt"
  "${pip[@]}" --force-reinstall --no-deps "$1"
  "${pip[@]}" "$1[updates]"
fi

install -d -m 0755 "$units" "$root/srv/$name/inbox" "$root/etc/default"
install -m 0644 "$here/inference.service" "$units/$name.service"
install -m 0644 "$here/update.service" "$units/$name-update.service"
install -m 0644 "$here/update.timer" "$units/$name-update.timer"
if [[ -n ${UPDATE_FROM:-} ]]; then
  printf 'UPDATE_FROM=%s\n' "$UPDATE_FROM" >"$root/etc/default/$name"
fi

if [[ -z $root ]]; then
  systemctl daemon-reload
  systemctl enable "$name.service"
  systemctl restart "$name.service"
  if [[ -f /etc/default/$name ]]; then
    systemctl enable --now "$name-update.timer"
  fi
fi
