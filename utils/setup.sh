#!/usr/bin/env bash
# Make .venv, the Python environment of this checkout, on first use and after a change of what it must hold.
#
# Usage: utils/setup.sh
#
# Installs requirements.lock (exact versions) and this project, as pyproject.toml describes it. Needs Python 3.11 or later,
# no root and no compiler. Does nothing if PYTHON names another environment. pip's own settings, such as
# PIP_INDEX_URL or PIP_FIND_LINKS, are obeyed. A set-up that was killed starts afresh.
# End options
[ -n "${BASH_VERSION:-}" ] || { echo "$0: needs bash; start it by its name, or with bash" >&2; exit 1; }
set -eu -o pipefail
here=$(dirname "$(readlink -f "$0")")/..
. "$here/utils/parse_options.sh"
[ $# -eq 0 ] || die "unexpected argument: $1"
[ -z "${PYTHON:-}" ] || exit 0

. "$here/utils/paths.sh"
check_path 'this checkout' "$(readlink -f "$here")"
cd "$here"
stamp=.venv/installed unfinished=.venv/unfinished
wanted=$(pwd && cksum pyproject.toml requirements.lock)
is_set_up() { [ -x .venv/bin/asrser_nn ] && [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ]; }
if is_set_up; then exit 0; fi
[ ! -L .venv ] || die ".venv is a link to $(readlink .venv), and setting it up would change that environment for others;" \
  "remove the link, or use the environment as it is: PYTHON=$(readlink .venv)/bin/python $0"
# Two set-ups at a time would remove each other's half-made environment. (Where there is no flock, nobody waits.)
if command -v flock >/dev/null; then
  exec 9>.venv.lock
  flock 9
  if is_set_up; then exit 0; fi
fi

# Print the first Python that this project can use.
find_python() {
  local name
  for name in python3 python3.13 python3.12 python3.11 python; do
    # Found on PATH is not enough: version managers leave names there that answer with an error.
    if "$name" -c 'import sys; sys.exit(not sys.version_info >= (3, 11))' >/dev/null 2>&1; then
      command -v "$name"
      return
    fi
  done
  return 1
}

seconds=$SECONDS
[ ! -e "$unfinished" ] || rm -rf .venv
if [ ! -x .venv/bin/python ]; then
  python=$(find_python) || die "no Python 3.11 or later on PATH; install one (Debian: apt install python3 python3-venv)," \
    "or name an environment that has this project installed: PYTHON=/path/to/bin/python $0"
  "$python" -c 'import venv, ensurepip' 2>/dev/null ||
    die "$python has no venv module; install it (Debian: apt install python3-venv), or put another Python first on PATH"
  echo "Setting up .venv with $("$python" --version) ($python)" >&2
  # A .venv without a working Python is what a moved or removed Python leaves behind.
  rm -rf .venv
  mkdir .venv
  touch "$unfinished"
  "$python" -m venv .venv || die "could not make .venv with $python; see the lines above"
fi
touch "$unfinished"
rm -f "$stamp"
echo "Installing requirements.lock into .venv; the first time, PyTorch makes this one to ten minutes" >&2
pip() {
  .venv/bin/python -m pip --disable-pip-version-check --no-input -qq "$@" ||
    die "pip could not install everything; see its lines above, then run this again (is there a network, and 5 GB of disk?)"
}
pip install -r requirements.lock
pip install --no-deps --no-build-isolation -e .
[ -x .venv/bin/asrser_nn ] || die "pip reported no error, but .venv/bin/asrser_nn is missing"
echo "$wanted" >"$stamp"
rm "$unfinished"
echo "Set up in $((SECONDS - seconds)) s" >&2
