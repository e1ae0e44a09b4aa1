# shellcheck shell=bash
# Which programs answer: Python and asrser_nn, and Kaldi's. To be sourced; says nothing unless something is missing.
#
# PYTHON      an interpreter of another environment in which this project is installed; default: .venv, made by ./run.sh
# KALDI_ROOT  a compiled Kaldi; default: kaldi_programs, this project's own programs of the same names
#
# Sets kaldi_provider, which says in words who answers to Kaldi's names.

path_die() {
  echo "$0: $*" >&2
  exit 1
}

unset CDPATH   # with it, cd prints
asrser_root=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
. "$asrser_root/utils/paths.sh"
check_path 'this checkout' "$asrser_root"
if [ -n "${PYTHON:-}" ]; then
  python=$(command -v "$PYTHON") || path_die "PYTHON=$PYTHON is not a program"
  [ -x "$(dirname "$python")/asrser_nn" ] ||
    path_die "this project is not installed for PYTHON=$PYTHON; do so with: $PYTHON -m pip install -r requirements.lock -e ."
  python=$(cd "$(dirname "$python")" && pwd)
  [[ $python != *:* ]] || path_die "PYTHON=$PYTHON lies in $python, which cannot stand in PATH because of the colon"
  PATH=$python:$PATH
else
  [ -x "$asrser_root/.venv/bin/asrser_nn" ] || path_die "nothing is installed yet; do so with: $asrser_root/utils/setup.sh"
  PATH=$asrser_root/.venv/bin:$PATH
fi

if [ -n "${KALDI_ROOT:-}" ]; then
  for program in src/bin/ali-to-pdf src/featbin/compute-mfcc-feats src/gmmbin/gmm-align-compiled \
    src/fstbin/fsttablecompose tools/openfst/bin/fstcompile; do
    [ -x "$KALDI_ROOT/$program" ] || path_die "KALDI_ROOT=$KALDI_ROOT holds no program $program;" \
      "set it to a compiled Kaldi, or unset it to use this project's own programs"
  done
  [[ $KALDI_ROOT != *:* ]] || path_die "KALDI_ROOT=$KALDI_ROOT cannot stand in PATH because of the colon"
  for directory in "$KALDI_ROOT"/src/*bin "$KALDI_ROOT"/tools/openfst/bin; do
    PATH=$directory:$PATH
  done
  kaldi_provider="Kaldi in $KALDI_ROOT"
else
  # shellcheck disable=SC2034 # for the scripts that source this
  kaldi_provider="kaldi_programs, this project's own"
  # Of a caller that has asked for it; for this Python, and not for that of another environment.
  [ ! "${fork_server:-}/bin" -ef "${PATH%%:*}" ] || PATH=$fork_server/programs:$PATH
fi

# Kaldi's tables are sorted by bytes. Jobs run in parallel, so numpy keeps to one thread; torch heeds other variables.
export PATH LC_ALL=C OPENBLAS_NUM_THREADS=1

# Until the calling script ends, have our own programs forked from one process that has loaded them, in a tenth of the time
# of starting them (kaldi_programs/common/fork_server.py). Where that cannot be they are started; the results are the same.
keep_programs_loaded() {
  [ -z "${KALDI_ROOT:-}" ] && [ ! -p "${fork_server:-}/alive" ] || return 0
  fork_server=$(mktemp -d) || return 0
  # The server lives as long as somebody has `alive` open: this shell, or what it started.
  # shellcheck disable=SC2034 # not to be used
  if ln -s "${PATH%%:*}" "$fork_server/bin" && mkfifo "$fork_server/alive" && exec {alive}<>"$fork_server/alive" &&
    python -P -m kaldi_programs.common.fork_server "$fork_server"; then
    PATH=$fork_server/programs:$PATH
    export fork_server
  else
    rm -rf "$fork_server"
  fi
} 2>/dev/null
